"""Late fixes: the stretch of a device's past that they fall into is gone through again, as if they had come in order.

    late fixes ── the stretch around them, from the store: so wide that every rule that can matter knows, whatever came
                  before, where the device was (`fences.settled`), at its beginning and again at its end
               ── each rule steps through it: these events are right
               ── alerts raised before that are none of them ── a new alert corrects the old one; none is rewritten
               ── events that were not told yet ── alerts

Fixes that came before a rule was made are no business of it, as when they come in order (docs/adr/0017).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, Select, cast, func, select, true

from geo import fences
from geo.fences import Event, State
from geo.fix import Fix
from services import alerts, tracks
from services.areas.board import Board, Watched, current_board
from services.areas.glance import Glance, Pair
from services.areas.watcher import as_alert, load, of_kind, save
from services.db.engine import ReadSession, WriteSession
from services.db.tables import tracks as tables
from services.settings import Settings

FIRST_REACH = 64
"""Fixes read before and after the late ones at first; where that does not settle every rule, eight times as many."""

AT_ONCE = 64
"""Devices gone through together."""

_by_device = attrgetter("device_id")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The past of one device around its late fixes, in order of time; whether the store holds more on either side."""

    fixes: list[Fix]
    received: list[datetime]
    first: int  # of the late ones, in `fixes`
    last: int
    more_before: bool
    more_after: bool


@dataclass(frozen=True, slots=True)
class Span:
    """What of a stretch a rule goes through: from which state, over which fixes, and whether it settles at the end."""

    state: State | None
    steps: list[int]
    after: datetime | None  # alerts are compared from here (none: from the beginning)
    until: datetime | None  # to here (none: to the end)


async def catch_up(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:
    """Take in fixes that came after newer ones of their device."""
    board = await current_board(db)
    late = sorted((fix for fix in fixes if fences.is_evidence(fix)), key=attrgetter("device_id", "at"))
    if not board.rules or not late:
        return
    ways = {device_id: list(mine) for device_id, mine in groupby(late, _by_device)}
    todo = {device_id: (mine[0].at, mine[-1].at) for device_id, mine in ways.items()}
    reach = FIRST_REACH
    while todo:
        again = dict[int, tuple[datetime, datetime]]()
        for some in _in_parts(todo):
            unsettled = await _go_through(db, board, some, reach)
            again |= {device_id: some[device_id] for device_id in unsettled}
        todo, reach = again, reach * 8
    if settings.bus_url is None:  # else writers share the devices: what one remembers, another has made old
        board.remember(mine[-1] for mine in ways.values())


def _in_parts(todo: Mapping[int, tuple[datetime, datetime]]) -> Iterable[dict[int, tuple[datetime, datetime]]]:
    devices = sorted(todo)
    for start in range(0, len(devices), AT_ONCE):
        yield {device_id: todo[device_id] for device_id in devices[start : start + AT_ONCE]}


async def _go_through(
    db: WriteSession, board: Board, late: Mapping[int, tuple[datetime, datetime]], reach: int
) -> list[int]:
    """Correct what a stretch of this reach can settle; return the devices that need a wider one."""
    stretches = await _read(db, late, reach)
    glance = Glance.of(board, [fix for stretch in stretches.values() for fix in stretch.fixes])
    await asyncio.to_thread(glance.measure)
    if board.crossing.any():
        await asyncio.to_thread(glance.trace)
    told = await alerts.list_told(db, {device: (s.fixes[0].at, s.fixes[-1].at) for device, s in stretches.items()})
    pairs = {pair for pair in glance.pairs() if pair[1] in stretches}
    pairs |= {(each.rule_id, each.device_id) for each in told if each.rule_id in board.rules}
    spans, unsettled = dict[Pair, Span](), set[int]()
    for pair in await of_kind(db, board, pairs, {device: at for device, (at, _) in late.items()}):
        span = _span(board.rules[pair[0]], glance, stretches[pair[1]], pair[1])
        if span is None:
            unsettled.add(pair[1])
        else:
            spans[pair] = span
    unsettled |= {device for device, stretch in stretches.items() if not _is_wide_enough(board, stretch)}
    spans = {pair: span for pair, span in spans.items() if pair[1] not in unsettled}
    after = {pair: glance.walk(board.rules[pair[0]], pair[1], span.state, span.steps) for pair, span in spans.items()}
    await _keep(db, spans, {pair: state for pair, (state, _) in after.items()})
    for pair, (_, events) in after.items():
        mine = [each for each in told if (each.rule_id, each.device_id) == pair and _covers(spans[pair], each.new.at)]
        await _correct(db, board.rules[pair[0]], pair[1], events, mine)
    return sorted(unsettled)


async def _read(db: ReadSession, late: Mapping[int, tuple[datetime, datetime]], reach: int) -> dict[int, Stretch]:
    """Read the stretches around late fixes: all between the first and the last, and `reach` more on either side."""
    firsts, lasts = zip(*late.values(), strict=True)
    moments = ARRAY(DateTime(timezone=True))
    columns = func.unnest(cast(list(late), ARRAY(BigInteger)), cast(list(firsts), moments), cast(list(lasts), moments))
    asked = columns.table_valued("device_id", "first", "last", name="asked").render_derived()
    fix = tables.Fix
    mine = tracks.select_fixes().add_columns(fix.received_at).where(
        fix.device_id == asked.c.device_id, fix.flags.op("&")(int(fences.NO_EVIDENCE)) == 0
    )  # fmt: skip
    parts: tuple[Select[Any], ...] = (
        mine.where(fix.at < asked.c.first).order_by(fix.at.desc()).limit(reach),
        mine.where(fix.at >= asked.c.first, fix.at <= asked.c.last),
        mine.where(fix.at > asked.c.last).order_by(fix.at).limit(reach),
    )
    found: list[dict[int, list[tuple[Fix, datetime]]]] = []
    for part in parts:
        beside = part.lateral()
        rows = await db.execute(select(beside).select_from(asked.join(beside, true())))
        pairs = [(tracks.as_fix(row), row.received_at) for row in rows]
        pairs.sort(key=lambda pair: (pair[0].device_id, pair[0].at, pair[0].payload_hash))
        found.append({device: list(some) for device, some in groupby(pairs, lambda pair: pair[0].device_id)})
    return {device: _stretch([part.get(device, []) for part in found], reach) for device in late}


def _stretch(parts: Sequence[list[tuple[Fix, datetime]]], reach: int) -> Stretch:
    """Put together what was read before, within and after the late fixes, as far as it is evidence."""
    kept = [[pair for pair in part if fences.is_evidence(pair[0])] for part in parts]
    together = [pair for part in kept for pair in part]
    first, count = len(kept[0]), len(kept[1])
    fixes, received = [fix for fix, _ in together], [at for _, at in together]
    return Stretch(fixes, received, first, first + count - 1, len(parts[0]) == reach, len(parts[2]) == reach)


def _is_wide_enough(board: Board, stretch: Stretch) -> bool:
    """Whether rules of which no fix of the stretch comes near are settled on both sides: the device is outside."""
    count = max(watched.rule.confirm_fixes for watched in board.rules.values())
    lasting = timedelta(seconds=max(watched.rule.settling_s for watched in board.rules.values()))
    before, after = stretch.fixes[: stretch.first], stretch.fixes[stretch.last + 1 :]
    return all(
        not more or (len(part) >= count and part[-1].at - part[0].at >= lasting)
        for more, part in ((stretch.more_before, before), (stretch.more_after, after))
    )


def _span(watched: Watched, glance: Glance, stretch: Stretch, device_id: int) -> Span | None:
    """Return what a rule has to go through; None if the stretch is too short to know."""
    whole = glance.spans[device_id]
    sights = list(glance.sights(watched, whole))
    old = [place for place, at in enumerate(stretch.received) if at < watched.created_at]
    begun = old[-1] + 1 if old else 0  # up to there it is only where the device comes from
    settled = [place for place in fences.settled(watched.rule, sights[: stretch.first]) if place >= begun - 1]
    if not settled and begun == 0 and stretch.more_before:
        return None
    end = next(fences.settled(watched.rule, sights[stretch.last + 1 :]), None)
    if end is None and stretch.more_after:
        return None
    last = len(sights) - 1 if end is None else stretch.last + 1 + end
    start = settled[-1] if settled else begun - 1
    steps = [whole[place] for place in range(start + 1, last + 1)]
    return Span(
        fences.begin(sights[start]) if settled else None,
        steps,
        sights[start].at if settled else None,
        None if end is None else sights[last].at,
    )


def _covers(span: Span, at: datetime) -> bool:
    return (span.after is None or at > span.after) and (span.until is None or at <= span.until)


async def _keep(db: WriteSession, spans: Mapping[Pair, Span], after: Mapping[Pair, State | None]) -> None:
    """Write the states that are now right: those of stretches that reach the present as far as it was looked at."""
    known = await load(db, {pair[1] for pair in after}, list(after))
    news = dict[Pair, State | None]()
    for pair, state in after.items():
        before = known.get(pair)
        if state is None or state.at is None or (before is None and spans[pair].until is None and state.idle):
            continue
        if before is None or before.at is None or spans[pair].until is None or before.at < state.at:
            news[pair] = state
    await save(db, news)


async def _correct(
    db: WriteSession, watched: Watched, device_id: int, events: Sequence[Event], told: Sequence[alerts.Told]
) -> None:
    """Raise what was not told, and let it, or a withdrawal, correct what was told wrongly."""
    right = [as_alert(watched, device_id, event) for event in events]
    effective = [each for each in told if each.effective]
    missing = [new for new in right if not any(each.new == replace(new, key=each.new.key) for each in effective)]
    wrong = [each for each in effective if not any(each.new == replace(new, key=each.new.key) for new in right)]
    taken = {each.new.key for each in told}
    raised = list[alerts.NewAlert]()
    for place, new in enumerate(missing):
        corrected = wrong[place].id if place < len(wrong) else None
        key = new.key if new.key not in taken else f"{new.key}:{len(taken)}"
        raised.append(replace(new, key=key, corrects=corrected))
    raised += [alerts.withdrawal(each) for each in wrong[len(missing) :]]
    await alerts.raise_alerts(db, raised)
