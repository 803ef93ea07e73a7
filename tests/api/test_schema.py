"""Whatever the schema allows, and what it does not: no role gets a 500, and every refusal is a problem document."""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from api.main import create_app
from services import access
from services.db.engine import make_engine, writing
from services.settings import Settings
from tests.builders import people

ENDLESS = {"/stream"}
"""Answers that don't end; they have tests of their own."""
LAST = ("/logout", "/sessions", "/sessions/{session_id}", "/password")
"""What may end the session that asks."""
EXAMPLES = int(os.environ.get("TIANSHU_SCHEMA_EXAMPLES", "1"))
"""Of each operation, with right and with wrong data. TIANSHU_SCHEMA_EXAMPLES=20 is an hour's run."""
TURNS = 1 if EXAMPLES > 1 else 4
"""Right data is sent by every role, wrong data by every fourth in turn, unless there is time."""


@pytest.fixture
def server(database_url: str, tmp_path) -> Iterator[str]:
    app = create_app(Settings(database_url=database_url, data_dir=tmp_path, expensive_per_min=10**6))
    serving = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    while not serving.started:
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
    serving.should_exit = True
    thread.join(15)


async def sign_in(database_url: str, keys: access.Keyring) -> dict[str, requests.Session]:
    """Return a client for each role, signed in with the second factor where the role asks for one."""
    engine, now, clients = make_engine(database_url), datetime.now(UTC), {}
    for role in access.Role:
        async with writing(engine) as db:
            await access.create_account(db, role, role, people.PASSWORD, frozenset({role}))
        secret = await people.enrol(engine, keys, role, now) if role in access.SECOND_FACTOR else None
        token = await people.token(engine, keys, role, now=now, secret=secret)
        clients[role] = requests.Session()
        clients[role].headers["Authorization"] = f"Bearer {token}"
    await engine.dispose()
    return clients


@pytest.mark.timeout(900)
def test_no_request_of_any_role_breaks_the_service_and_every_refusal_is_a_problem(server, database_url, tmp_path):
    clients = asyncio.run(sign_in(database_url, access.load_keys(Settings(data_dir=tmp_path))))
    schema = schemathesis.openapi.from_dict(clients["dispatcher"].get(f"{server}/openapi.json").json())
    operations = [one for result in schema.get_all_operations() if (one := result.ok()).path not in ENDLESS]
    assert len(operations) > 40
    answered = Counter[int]()
    roles = list(clients)
    for turn, operation in enumerate(sorted(operations, key=lambda one: one.path in LAST)):
        _try(server, clients, operation, GenerationMode.POSITIVE, answered)
        some = {role: clients[role] for role in roles[turn % TURNS :: TURNS]}
        _try(server, some, operation, GenerationMode.NEGATIVE, answered)
    for client in clients.values():
        client.close()
    assert answered[200] > 100
    assert answered[403] > 500
    assert answered[401] < answered.total() / 10  # sessions lived on


def _try(server: str, clients, operation, mode: GenerationMode, answered: Counter[int]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def send(case) -> None:
        for role, client in clients.items():
            answer = case.call(base_url=server, session=client, timeout=20)
            told = f"{role}: {operation.label} {answer.request.url} {answer.request.body!r} {answer.text[:300]}"
            answered[answer.status_code] += 1
            assert answer.status_code < 500, told
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"], told

    with suppress(Unsatisfiable):  # nothing wrong can be said to a route that takes nothing
        send()
