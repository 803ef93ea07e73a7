"""What terminals say of their units: words that report a step, and the status bit that takes a unit off duty.

- A text that begins with 收到, 出发, 到场 or 完毕 is a step of the unit's assignment (`device.text` in the tables).
- A text that is 20, 21, 22, 25 or 10 is the same, as GA/T 974.39-2011 has it for fire vehicles (`device.codes`).
- Status bit 4 of 0x0200, out of service (停运), takes a free unit off duty until the bit goes.

The bit is heeded only with `TIANSHU_UNIT_DUTY_FROM_DEVICE`: many terminals never set it sensibly.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from geo.fix import UNTIMELY, Fix, Quality
from services import carriage
from services.db.engine import WriteSession
from services.db.tables.calls import Assignment
from services.db.tables.fleet import Carriage, Unit
from services.dispatch import assignments, handbook
from services.dispatch.codes import FREE, OFF_DUTY, OVER, Step
from services.settings import Settings

OUT_OF_SERVICE = 1 << 4
"""Status word of 0x0200, bit 4: 0 in service (运营), 1 out of service (停运); JT/T 808-2011, -2013 and -2019 alike."""


def step_of(said: str, settings: Settings) -> Step | None:
    """Return the step that a text reports, or None if it is about something else."""
    words, text = handbook.tables(settings).device, said.strip()
    if text in words.codes:
        return Step(words.codes[text])
    begun = [(len(word), step) for step, group in words.text.items() for word in group if text.startswith(word)]
    return Step(max(begun)[1]) if begun else None


async def hear_text(db: WriteSession, settings: Settings, device_id: int, said: str, now: datetime) -> Step | None:
    """Take the assignment of a device's unit the step that a text reports; return it, or None when it changed nothing.

    What can't come next (the unit is on no call, or beyond that step) changes nothing: the text is kept all the same.
    """
    step = step_of(said, settings)
    if step is None:
        return None
    sent = Assignment.state.not_in([*OVER, Step.PROPOSED])
    unit_id = await carriage.carrier(db, device_id, now)
    mine = select(Assignment.id).where(Assignment.unit_id == unit_id, sent)
    held = (await db.execute(mine)).scalar_one_or_none()
    if held is None:
        return None
    try:
        await assignments.take_step(db, held, step=step, by=None, now=now)
    except assignments.StepError:
        return None
    return step


async def watch_duty(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:  # noqa: ARG001
    """Take units off duty whose terminals say they are out of service, and back; the newest fix of each counts."""
    newest = {fix.device_id: fix for fix in sorted(fixes, key=lambda fix: fix.at) if _is_timely(fix)}
    away = [device_id for device_id, fix in newest.items() if fix.status & OUT_OF_SERVICE]
    back = [device_id for device_id in newest if device_id not in away]
    for devices, before, after in ((away, FREE, OFF_DUTY), (back, OFF_DUTY, FREE)):
        if devices:
            theirs = select(Carriage.unit_id).where(Carriage.device_id.in_(devices), func.upper_inf(Carriage.during))
            changed = update(Unit).where(Unit.id.in_(theirs), Unit.state == before)
            await db.execute(changed.values(state=after))


def _is_timely(fix: Fix) -> bool:
    return not fix.flags & (UNTIMELY | Quality.LATE)
