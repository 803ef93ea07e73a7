"""What a gateway owes to its terminals: commands that are due, and what became of them.

Nothing of a command lives in a gateway alone. Whichever gateway holds the device's socket when a command is due takes
it, one statement for the row: another that asks at the same moment finds it not due any more. So a command survives the
gateway that sent it, at the price that it may be sent twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Float, Interval, and_, case, cast, func, literal, or_, select, update

from services.commands.register import OPEN
from services.db.engine import ReadSession, WriteSession
from services.db.tables.commands import Command
from services.errors import Saying, tell
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class Errand:
    """A command to send now, for the first time or again."""

    id: int
    device_id: int
    kind: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: acknowledged, answered or refused."""

    command_id: int
    state: str
    at: datetime
    answer: dict[str, Any] | None = None
    detail: str | None = None


_BEFORE = {
    "acknowledged": ("sent", "timed_out"),
    "answered": ("sent", "timed_out", "acknowledged"),
    "refused": ("sent", "timed_out", "acknowledged"),
}
"""From which states an outcome leads on: what comes late is true all the same."""


async def find_due(db: ReadSession, now: datetime) -> Sequence[tuple[int, int]]:
    """Return the commands that are due, as (id, device)."""
    due = select(Command.id, Command.device_id).where(Command.state.in_(OPEN), Command.due_at <= now)
    return [(command_id, device_id) for command_id, device_id in await db.execute(due.order_by(Command.id))]


async def give_up(db: WriteSession, settings: Settings, now: datetime) -> None:
    """End commands that were sent often enough, and those whose time is over."""
    asked = and_(Command.state == "sent", Command.attempts > settings.command_retries)
    over = update(Command).where(Command.state.in_(OPEN), Command.due_at <= now)
    state = case((Command.state == "queued", "expired"), else_="timed_out")
    await db.execute(over.where(or_(asked, Command.expires_at <= now)).values(state=state, settled_at=now))


async def take(db: WriteSession, ids: Iterable[int], settings: Settings, now: datetime) -> list[Errand]:
    """Take commands that are still due to send them; each is due again when its answer is overdue.

    The n-th attempt waits n times as long as the one before (JT/T 808, chapter 6: T(n+1) = T(n) x (n+1)).
    """
    wait_s = literal(settings.command_timeout_s, Float) * cast(func.factorial(Command.attempts + 1), Float)
    wait = func.make_interval(0, 0, 0, 0, 0, 0, wait_s, type_=Interval)
    taken = (
        update(Command)
        .where(Command.id.in_(list(ids)), Command.state.in_(OPEN), Command.due_at <= now)
        .values(
            state="sent", attempts=Command.attempts + 1, sent_at=func.coalesce(Command.sent_at, now),
            due_at=literal(now, DateTime(timezone=True)) + wait,
        )
        .returning(Command.id, Command.device_id, Command.kind, Command.parameters)
    )  # fmt: skip
    return sorted((Errand(*row) for row in await db.execute(taken)), key=lambda errand: errand.id)


async def settle(db: WriteSession, outcomes: Iterable[Outcome]) -> None:
    """Write down what became of commands."""
    for outcome in outcomes:
        detail = outcome.detail
        values = {
            "state": outcome.state, "settled_at": outcome.at, "answer": outcome.answer, "detail": detail,
            "told": tell(detail) if isinstance(detail, Saying) else None,
        }  # fmt: skip
        row = update(Command).where(Command.id == outcome.command_id, Command.state.in_(_BEFORE[outcome.state]))
        await db.execute(row.values(values))
