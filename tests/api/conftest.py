"""A gateway on a real socket, and terminals that speak to it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
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
