"""Deferred and timed jobs (procrastinate, in PostgreSQL): days ahead, sessions that are over, answers of phones."""

import asyncio
import signal
from datetime import UTC, datetime

import procrastinate
import structlog
from procrastinate import PsycopgConnector

from services import access, phones, pipeline
from services.db.engine import make_engine, writing
from services.settings import Settings

log = structlog.get_logger()


def make_app(settings: Settings) -> procrastinate.App:
    """Return the job application with its timed jobs; it opens its own connections when run."""
    url = settings.database_address
    app = procrastinate.App(connector=PsycopgConnector(conninfo=url))
    engine = make_engine(url, pool_size=2)

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="prepare_days", queueing_lock="prepare_days", pass_context=False)
    async def prepare_days(timestamp: int) -> None:  # noqa: ARG001
        """Create the partitions of the coming days."""
        await pipeline.ensure_partitions(engine, datetime.now(UTC))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="expire_logins", queueing_lock="expire_logins")
    async def expire_logins(timestamp: int) -> None:  # noqa: ARG001
        """Delete sessions that are over."""
        async with writing(engine) as db:
            gone = await access.expire_logins(db, settings, datetime.now(UTC))
        log.info("logins_expired", count=gone)

    @app.periodic(cron="7 * * * *")
    @app.task(name="forget_answers", queueing_lock="forget_answers")
    async def forget_answers(timestamp: int) -> None:  # noqa: ARG001
        """Delete what phone apps were answered more than a day ago."""
        async with writing(engine) as db:
            gone = await phones.forget_answers(db, datetime.now(UTC))
        log.info("phone_answers_forgotten", count=gone)

    return app


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    app = make_app(settings)
    loop = asyncio.get_running_loop()
    async with app.open_async():
        work = asyncio.create_task(app.run_worker_async(install_signal_handlers=False, wait=True))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            log.info("worker_stopped")
