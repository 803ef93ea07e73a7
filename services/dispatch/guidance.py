"""Enforcement guidance (执法指引) of a call: what its kind asks for, and what was checked off, by whom and when."""

from dataclasses import dataclass
from datetime import datetime

from services import access
from services.db.engine import ReadSession, WriteSession
from services.dispatch import calls, handbook
from services.dispatch.handbook import Basis, Review, Words
from services.errors import NotFoundError
from services.settings import Settings

DONE, UNDONE = "step_done", "step_undone"


class NoGuideError(NotFoundError):
    """There is no guidance for the kind of the call."""


class NoStepError(NotFoundError):
    """The guidance has no such step."""


@dataclass(frozen=True, slots=True)
class Done:
    """When a step was checked off, and by whom."""

    at: datetime
    who: str | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the guidance and whether it is done."""

    id: str
    text: Words
    basis: list[Basis]
    done: Done | None


@dataclass(frozen=True, slots=True)
class GuideView:
    """The guidance of a call."""

    kind: str
    version: int
    reviewed: Review
    title: Words
    basis: list[Basis]
    documents: list[Words]
    steps: list[StepView]


async def read_guidance(mandate: access.Mandate, db: ReadSession, settings: Settings, call_id: int) -> GuideView:
    """Return the guidance of a call.

    Raises:
        NoCallError: there is no such call.
        NoGuideError: there is no text for its kind.
    """
    async with access.look(mandate, access.Act.VIEW_CALLS, f"call:{call_id}") as seen:
        found = await guide_of(db, settings, call_id)
        seen.rows = 1
        return found


async def check_off(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    call_id: int,
    *,
    step: str,
    done: bool,
    now: datetime,
) -> GuideView:
    """Check a step off, or take that back; either way it is written into the call's log.

    Raises:
        NoCallError, CallClosedError: there is no such call, or it is over.
        NoGuideError, NoStepError: its kind has no text, or the text no such step.
    """
    await access.grant(mandate, access.Act.REPORT_STATUS, f"call:{call_id}")
    return await mark(db, settings, call_id, step=step, done=done, by=mandate, now=now)


async def mark(
    db: WriteSession, settings: Settings, call_id: int, *, step: str, done: bool, by: access.Mandate, now: datetime
) -> GuideView:
    """Do what `check_off` does, for whoever may; marking what is so already changes nothing."""
    await calls.lock(db, call_id)
    before = await guide_of(db, settings, call_id)
    known = {one.id: one for one in before.steps}
    if step not in known:
        raise NoStepError("The guidance has no step “{step}”. It has: {known}.", step=step, known=", ".join(known))
    if (known[step].done is not None) == done:
        return before
    detail = {"step": step, "kind": before.kind, "version": before.version}
    await calls.log(db, call_id, DONE if done else UNDONE, by=by, at=now, detail=detail)
    return await guide_of(db, settings, call_id)


async def guide_of(db: ReadSession, settings: Settings, call_id: int) -> GuideView:
    """Return the guidance of a call with what its log says was done."""
    call = await calls.view(db, call_id)
    guide = handbook.guides(settings).get(call.kind)
    if guide is None:
        raise NoGuideError("There is no guidance for calls of the kind “{kind}”.", kind=call.kind)
    done: dict[str, Done] = {}
    for event in await calls.events(db, call_id):
        if event.what == DONE and event.detail.get("kind") == call.kind:
            done[event.detail["step"]] = Done(event.at, event.who)
        elif event.what == UNDONE:
            done.pop(event.detail["step"], None)
    steps = [StepView(step.id, step.text, step.basis, done.get(step.id)) for step in guide.steps]
    return GuideView(call.kind, guide.version, guide.review, guide.title, guide.basis, guide.documents, steps)
