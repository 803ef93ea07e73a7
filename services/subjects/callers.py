"""A caller's data: the words kept of a call.

They are found by a telephone number, a name or other words of his; corrected, with the old words in the log of the
call; deleted with the place, so that the call itself stays countable.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update

from services import access
from services.db.claims import declare_look
from services.db.engine import ReadSession, WriteSession
from services.db.tables.calls import Assignment, Call, CallEvent
from services.errors import InvalidError, NotFoundError
from services.subjects.records import Hold, refuse_held, write_down

LEAST_WORDS, MOST_CALLS = 2, 50
_FIND = text("SELECT call_id, place, said FROM tianshu_find_words(:words) ORDER BY call_id DESC NULLS LAST, place")
_HOLDS = text("SELECT reason, until FROM tianshu_hold_call(:call)")
_FIELDS = ("address", "notes", "result")


class NoCallError(NotFoundError):
    """There is no such call."""


class WordsError(InvalidError):
    """The words find too much, or nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """Where words stand (address, notes, answers, result, log, reason, handover_note), with what stands around them."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class CallKept:
    """A call in which the words stand, and what keeps it from deletion; `call_id` None: notes of a shift."""

    call_id: int | None
    said: list[Said]
    holds: list[Hold]


async def find_calls(mandate: access.Mandate, db: ReadSession, *, words: str) -> list[CallKept]:
    """Return where words of a caller are kept, newest call first. Blanks and hyphens in numbers don't matter.

    Each call that is shown stands in the trail; the words don't.

    Raises:
        WordsError: fewer than two characters, or more than 50 calls hold them.
    """
    look = await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, "find words of a caller")
    if len("".join(words.split())) < LEAST_WORDS:
        raise WordsError("Give a number, a name or other words of the caller: two characters at least.")
    kept = dict[int | None, list[Said]]()
    for call_id, place, said in await db.execute(_FIND, {"words": words}):
        kept.setdefault(call_id, []).append(Said(place, said))
    if len(kept) > MOST_CALLS:
        raise WordsError("{calls} calls hold these words. Give more of them.", calls=len(kept))
    for call_id, said in kept.items():
        target = "handover notes" if call_id is None else f"call:{call_id}"
        await access.record(mandate, look.act, f"list {target}", allowed=True, rows=len(said))
    return [CallKept(call_id, said, await _holds(db, call_id) if call_id else []) for call_id, said in kept.items()]


async def correct_call(
    mandate: access.Mandate, db: WriteSession, call_id: int, *, wrong: str, right: str, now: datetime
) -> list[str]:
    """Put the right words for wrong ones into a call and return the fields that changed; its log keeps both.

    Raises:
        NoCallError: there is none.
        WordsError: the wrong words stand nowhere in the address, the notes, the answers or the result.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"correct call:{call_id}")
    call = await _declared(db, call_id)
    before = {name: value for name in _FIELDS if (value := getattr(call, name)) and wrong in value}
    values: dict[str, object] = {name: value.replace(wrong, right) for name, value in before.items()}
    detail = {name: {"before": value, "after": values[name]} for name, value in before.items()}
    if any(wrong in answer for answer in call.answers.values()):
        values["answers"] = {name: answer.replace(wrong, right) for name, answer in call.answers.items()}
        detail["answers"] = {"before": call.answers, "after": values["answers"]}
    if not wrong.strip() or not values:
        raise WordsError("These words stand nowhere in the call.")
    await db.execute(update(Call).where(Call.id == call_id).values(**values))
    row = {"call_id": call_id, "at": now, "account_id": mandate.account_id, "what": "corrected", "detail": detail}
    await db.execute(insert(CallEvent).values(row))
    return sorted(values)


async def delete_call(mandate: access.Mandate, db: WriteSession, call_id: int, *, now: datetime) -> int:
    """Delete the words and the place of a call, in its log too, and return the number of the record.

    What stays says nothing about the caller: kind, priority, division, times, units, the code of the result.

    Raises:
        NoCallError: there is none.
        HeldError: it is open, or an open one belongs to it; a case covers it; its log is younger than a year.
    """
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, f"delete call:{call_id}")
    await _declared(db, call_id)
    await refuse_held(await _holds(db, call_id), mandate, f"call:{call_id}")
    nothing: dict[str, Any] = {"address": "", "notes": "", "answers": {}, "result": None, "place": None}
    await db.execute(update(Call).where(Call.id == call_id).values(nothing))
    await db.execute(update(Assignment).where(Assignment.call_id == call_id).values(reason=None))
    told = update(CallEvent).where(CallEvent.call_id == call_id, func.jsonb_typeof(CallEvent.detail) == "object")
    lines = len((await db.execute(told.values(detail={}).returning(CallEvent.id))).all())
    return await write_down(db, f"call:{call_id}", 1 + lines, now)


async def _declared(db: WriteSession, call_id: int) -> Call:
    """Tell the database which call this is about, and keep it for this transaction."""
    await declare_look(db, [f"call:{call_id}"])
    call = (await db.execute(select(Call).where(Call.id == call_id).with_for_update())).scalar_one_or_none()
    if call is None:
        raise NoCallError("There is no call {call_id}.", call_id=call_id)
    return call


async def _holds(db: ReadSession, call_id: int) -> list[Hold]:
    return [Hold(*row) for row in await db.execute(_HOLDS, {"call": call_id})]
