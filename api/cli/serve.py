"""The processes of the service, one command each, for those who run them under their own supervisor.

Each reads its own modules when it starts: a gateway with 10,000 terminals need not carry the 130 MB of the others.
"""

import asyncio
from collections.abc import Callable
from importlib import import_module

import typer
import uvloop

from api import logs
from services.db.engine import check_ready, make_engine, reading
from services.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `tianshu api`, `tianshu gateway`, `tianshu worker`, `tianshu writer` and the like."""

    @app.command("api")
    def serve_api() -> None:
        """Serve the pages and the HTTP API."""
        import uvicorn  # noqa: PLC0415

        from api.main import create_app  # noqa: PLC0415

        logs.configure()
        settings = Settings()
        uvicorn.run(
            create_app(settings), host=settings.api_host, port=settings.api_port, log_config=None, access_log=False,
            server_header=False, timeout_graceful_shutdown=5,
        )  # fmt: skip

    @app.command("gateway")
    def serve_gateway() -> None:
        """Serve the terminals (JT/T 808 over TCP)."""
        _run("gateway", uvloop.new_event_loop)

    @app.command("worker")
    def serve_worker() -> None:
        """Do the deferred and timed jobs."""
        _run("worker")

    @app.command("writer")
    def serve_writer() -> None:
        """Store what gateways have put on the bus, where the settings name one."""
        _run("writer", uvloop.new_event_loop)

    @app.command("mqtt")
    def serve_mqtt() -> None:
        """Read fixes from an MQTT broker, where the settings name one."""
        _run("mqtt")

    @app.command("healthy")
    def check_health() -> None:
        """Exit with 0 when the database answers, else with 2 and a sentence."""
        asyncio.run(_check_database(Settings()))


def _run(process: str, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run a process of the service to its end."""
    module = import_module(f"api.{process}")
    logs.configure()
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(module.run(Settings()))


async def _check_database(settings: Settings) -> None:
    engine = make_engine(settings.database_address, pool_size=1)
    try:
        async with reading(engine) as db:
            await check_ready(db)
    finally:
        await engine.dispose()
