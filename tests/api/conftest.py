"""A gateway on a real socket, terminals that speak to it, and an officer who asks them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from services import access, commands
from services.db.engine import reading, writing
from services.settings import Settings
from tests.builders.database import know
from tests.builders.terminals import PHONE, Terminal


@pytest.fixture
async def gateway(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Gateway]:
    await know(engine, PHONE)
    async with Gateway(engine, settings.model_copy(update={"gateway_port": 0})).serving() as served:
        yield served


@pytest.fixture
async def terminal(gateway: Gateway) -> AsyncIterator[Terminal]:
    async with Terminal.on(gateway.port) as connected:
        yield connected


@pytest.fixture
async def signed_in(terminal: Terminal) -> Terminal:
    await terminal.sign_in()
    return terminal


# -- commands

Asker = Callable[..., Awaitable[int]]


@pytest.fixture
async def officer(mandate: Any) -> access.Mandate:
    return await mandate("system_admin")


@pytest.fixture
def ask(engine: AsyncEngine, officer: access.Mandate) -> Asker:
    async def give(kind: str, valid_s: float = 60, device_id: int = 1, **said: Any) -> int:
        async with writing(engine) as db:
            asked = await commands.ask(
                officer, db, device_id=device_id, kind=kind, parameters=said, valid_for=timedelta(seconds=valid_s),
                now=datetime.now(UTC),
            )  # fmt: skip
        assert asked.state == "queued"
        return asked.id

    return give


async def stands(engine: AsyncEngine, officer: access.Mandate, command_id: int) -> commands.CommandView:
    async with reading(engine) as db:
        found = await commands.list_commands(officer, db, state=None, before_id=None, limit=50)
    return next(each for each in found if each.id == command_id)


@pytest.fixture
def becomes(engine: AsyncEngine, officer: access.Mandate) -> Callable[..., Awaitable[commands.CommandView]]:
    async def wait(command_id: int, state: str, within_s: float = 10) -> commands.CommandView:
        async with asyncio.timeout(within_s):
            while (found := await stands(engine, officer, command_id)).state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    return wait
