"""Deferred and timed jobs (procrastinate, in PostgreSQL): days ahead, sessions that are over, timers of calls."""

import asyncio
import signal
from datetime import UTC, datetime

import procrastinate
import structlog
from procrastinate import PsycopgConnector

from api import pursuit
from services import access, audit, clocks, oversight, phones, pipeline, retention
from services.db.engine import Engine, make_engine, options, writing
from services.db.security import DbRole
from services.dispatch.deferral import TASK
from services.settings import Settings

POLL_EVERY_S = 1.0
"""How late a job may be that was deferred to a moment."""

log = structlog.get_logger()


def make_app(settings: Settings, engine: Engine, watch: pursuit.Watch) -> procrastinate.App:
    """Return the job application with its timed jobs; the jobs themselves open connections of their own when run."""
    url = settings.database_address
    acting = {"options": options(url, DbRole.WORKER)}
    app = procrastinate.App(connector=PsycopgConnector(conninfo=url, kwargs=acting))

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="prepare_days", queueing_lock="prepare_days", pass_context=False)
    async def prepare_days(timestamp: int) -> None:  # noqa: ARG001
        """Create the partitions of the coming days."""
        await pipeline.ensure_partitions(engine, datetime.now(UTC))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="measure_clocks", queueing_lock="measure_clocks")
    async def measure_clocks(timestamp: int) -> None:  # noqa: ARG001
        """Measure how far the clocks of devices are from ours."""
        async with writing(engine) as db:
            count = await clocks.measure(db)
        log.info("clocks_measured", devices=count)

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

    _oversee(app, settings, engine)
    _keep_time(app, watch)
    return app


def _keep_time(app: procrastinate.App, watch: pursuit.Watch) -> None:
    """Add the look at the timers of calls: deferred to when one runs out, and every minute for what was missed."""

    @app.task(name=TASK)
    async def check_timers() -> None:
        """Tell what has waited too long."""
        log.info("timers_checked", told=await watch.check_timers())

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep_timers", queueing_lock="sweep_timers")
    async def sweep_timers(timestamp: int) -> None:  # noqa: ARG001
        """Tell what a lost job did not."""
        await watch.check_timers()


def _oversee(app: procrastinate.App, settings: Settings, engine: Engine) -> None:
    """Add the jobs that watch the watchers and destroy what nobody needs any more."""
    ledger = audit.Ledger(engine)

    every = settings.audit_seal_minutes

    @app.periodic(cron="1 * * * *" if every == 60 else f"1-59/{every} * * * *")  # noqa: PLR2004 -- an hour
    @app.task(name="seal_audit", queueing_lock="seal_audit")
    async def seal_audit(timestamp: int) -> None:  # noqa: ARG001
        """Seal the hours, or the parts of one, of the audit trail that are over."""
        sealed = await audit.Sealer.of(settings).seal(ledger, datetime.now(UTC))
        log.info("audit_sealed", seals=sealed)

    @app.periodic(cron="37 19 * * *")
    @app.task(name="check_audit", queueing_lock="check_audit")
    async def check_audit(timestamp: int) -> None:  # noqa: ARG001
        """Check, at night (3:37 in Beijing), the whole trail against its hashes and seals."""
        async with writing(engine) as db:
            done = await oversight.check_trail(access.system_mandate(ledger), db, settings, now=datetime.now(UTC))
        (log.error if done.findings else log.info)("audit_checked", entries=done.entries, findings=len(done.findings))

    @app.periodic(cron="* * * * *")
    @app.task(name="watch_use", queueing_lock="watch_use")
    async def watch_use(timestamp: int) -> None:  # noqa: ARG001
        """Tell the auditor of officers who look at too many."""
        async with writing(engine) as db:
            await oversight.watch_use(db, settings, datetime.now(UTC))

    @app.periodic(cron="17 19 * * *")
    @app.task(name="apply_retention", queueing_lock="apply_retention")
    async def apply_retention(timestamp: int) -> None:  # noqa: ARG001
        """Destroy, at night (3:17 in Beijing), what has been kept for its time."""
        done = await retention.apply(access.system_mandate(ledger), engine, settings, now=datetime.now(UTC))
        log.info("retention_applied", kinds=[passed.rule.what for passed in done])


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=4)
    watch = pursuit.Watch(engine, settings)
    app = make_app(settings, engine, watch)
    loop = asyncio.get_running_loop()
    async with app.open_async():
        following = asyncio.create_task(watch.follow())
        work = asyncio.create_task(
            app.run_worker_async(install_signal_handlers=False, wait=True, fetch_job_polling_interval=POLL_EVERY_S)
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            log.info("worker_stopped")
        finally:
            following.cancel()
            await engine.dispose()
