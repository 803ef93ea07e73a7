"""Signing in with another provider: the honest way, and every bent one."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr
from sqlalchemy import insert

from api.main import create_app
from services.db.engine import writing
from services.db.tables.access import Identity
from tests.builders import oidc


@pytest.fixture
async def provider() -> AsyncIterator[oidc.Provider]:
    provider = oidc.Provider()
    async with oidc.serving(provider):
        yield provider


@pytest.fixture
async def page(provider, settings) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in front of a service that knows the provider."""
    known = settings.model_copy(update={"oidc_issuer": provider.issuer, "oidc_client_secret": SecretStr(oidc.SECRET)})
    app = create_app(known)
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


@pytest.fixture
async def linked(engine, mandate, provider):
    """An officer whom the provider knows."""
    who = await mandate("dispatcher")
    await link(engine, who, provider)
    return who


async def link(engine, who, provider) -> None:
    async with writing(engine) as db:
        row = {"account_id": who.account_id, "issuer": provider.issuer, "subject": provider.subject}
        await db.execute(insert(Identity).values(**row))


async def come_back(page: httpx.AsyncClient) -> str:
    """Go to the provider and return where it sends the browser."""
    leaving = await page.get("/oidc/start")
    assert leaving.status_code == 303, leaving.text
    async with httpx.AsyncClient() as outside:
        answer = await outside.get(leaving.headers["location"])
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_an_officer_whom_the_provider_knows_is_signed_in(page, linked):
    assert (await page.get("/oidc")).json() == {"enabled": True}
    answer = await page.get(await come_back(page))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await page.get("/me")).json()["username"] == linked.username


async def test_the_browser_takes_a_challenge_a_state_and_a_nonce_along(page, linked):
    asked = parse_qs(urlsplit((await page.get("/oidc/start")).headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 43 for name in ("code_challenge", "state", "nonce"))
    assert asked["redirect_uri"] == ["http://test/oidc/callback"]


async def test_somebody_whom_only_the_provider_knows_is_refused_with_a_sentence(page, provider):
    answer = await page.get(await come_back(page))
    assert answer.status_code == 403
    assert "Ask the security administrator" in answer.json()["detail"]
    assert (await page.get("/me")).status_code == 401


async def test_a_person_at_a_browser_is_sent_back_to_the_sign_in_page(page, provider):
    answer = await page.get(await come_back(page), headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?refused=UnknownSubject")


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"aud": "another service"}, "aud"),
        ({"iss": "http://elsewhere.example"}, "iss"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"iat": 4_000_000_000}, "future"),
        ({"nbf": 4_000_000_000}, "not yet valid"),
        ({"nonce": "another"}, "nonce"),
        ({"aud": ["tianshu", "another"]}, "another service"),
        ({"azp": "another"}, "another service"),
    ],
)
async def test_a_token_with_a_wrong_claim_opens_nothing(page, linked, provider, claims, named):
    provider.claims = claims
    answer = await page.get(await come_back(page))
    assert answer.status_code == 403
    assert named in answer.json()["detail"]
    assert (await page.get("/me")).status_code == 401


@pytest.mark.parametrize("bent", [oidc.unsigned, oidc.confused, oidc.strange])
async def test_a_token_whose_signature_can_not_be_trusted_opens_nothing(page, linked, provider, bent):
    provider.sign = bent
    answer = await page.get(await come_back(page))
    assert answer.status_code == 403
    assert "signature" in answer.json()["detail"]
    assert (await page.get("/me")).status_code == 401


async def test_a_state_is_good_once(page, linked):
    address = await come_back(page)
    state = parse_qs(urlsplit(address).query)["state"][0]
    assert (await page.get(address)).status_code == 303
    page.cookies.set("tianshu-state", state, path="/oidc")
    answer = await page.get(address)
    assert answer.status_code == 403
    assert "used before" in answer.json()["detail"]


async def test_a_sign_in_that_another_browser_began_is_refused(page, linked):
    address = await come_back(page)
    page.cookies.clear()
    answer = await page.get(address)
    assert answer.status_code == 403
    assert "another browser" in answer.json()["detail"]


async def test_the_provider_does_not_spare_an_administrator_the_second_factor(engine, page, mandate, provider):
    who = await mandate("security_admin")
    await link(engine, who, provider)
    answer = await page.get(await come_back(page))
    assert answer.headers["location"] == "/login?step=enrol"
    assert (await page.get("/accounts")).status_code == 401
    provider.claims = {"amr": ["pwd", "mfa"]}
    assert (await page.get(await come_back(page))).headers["location"] == "/"
    assert (await page.get("/accounts")).status_code == 200


async def test_a_service_without_a_provider_says_so(anonymous):
    assert (await anonymous.get("/oidc")).json() == {"enabled": False}
    assert (await anonymous.get("/oidc/start")).status_code == 404
