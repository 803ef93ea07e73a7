"""A look at the timers, deferred to the moment one runs out, in the transaction that starts it."""

from datetime import datetime, timedelta

from sqlalchemy import text

from services.db.engine import WriteSession

TASK = "check_timers"
"""The job that looks at what is due; the function of the database that defers it names it too."""

_DEFER = text("SELECT tianshu_defer_timers(:at)")
_SLACK = timedelta(seconds=0.5)


async def look_after(db: WriteSession, limit_s: float, now: datetime) -> None:
    """Have the timers looked at when one of `limit_s` that starts now has run out."""
    await db.execute(_DEFER, {"at": now + timedelta(seconds=limit_s) + _SLACK})
