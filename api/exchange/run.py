"""The process `tianshu exchange`: whichever of the two roles the settings name."""

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from api.exchange.lower import Lower, UpperAddress
from api.exchange.upper import Upper
from services.db import engine as databases
from services.db.security import DbRole
from services.errors import UnavailableError
from services.pipeline import Pipeline
from services.settings import Settings

log = structlog.get_logger()


class NothingToExchangeError(UnavailableError):
    """The settings name neither an upper platform nor a port for lower ones."""


def is_wanted(settings: Settings) -> bool:
    """Say whether the settings name a platform to exchange with."""
    return bool(settings.exchange_port or settings.upper_url)


async def run(settings: Settings) -> None:
    """Exchange with other platforms until SIGTERM or SIGINT.

    Raises:
        NothingToExchangeError: no role is configured.
        BadUpperUrlError: the address of the upper platform is not understood.
    """
    if not is_wanted(settings):
        raise NothingToExchangeError("Set TIANSHU_UPPER_URL to log in somewhere, or TIANSHU_EXCHANGE_PORT to be above.")
    address = UpperAddress.parse(settings.upper_url.get_secret_value()) if settings.upper_url else None
    engine, stop = databases.make_engine(settings.database_address, DbRole.INGEST), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        if settings.exchange_port:
            pipeline = await stack.enter_async_context(Pipeline(engine, settings).running())
            upper = await stack.enter_async_context(Upper(engine, settings, pipeline).serving())
            log.info("exchange_started", role="upper", port=upper.port)
        if address:
            await stack.enter_async_context(Lower(engine, settings, address).running())
            log.info("exchange_started", role="lower")
        await stop.wait()
    log.info("exchange_stopped")
