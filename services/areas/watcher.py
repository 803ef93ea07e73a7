"""The watcher of areas: from a stored batch of fixes to alerts.

    fixes ── usable ones, by device ──> index of all areas (in memory) ──> pairs of a rule and a device that can matter
                                                                           │   + pairs whose state is busy: inside, near
    alerts <── events <── geo.fences.step <── states of these pairs <──────┘     the edge or about to turn (one query)
       └─ states that changed: one statement

A device that is near no area and busy with none costs no row, read or written. The areas in memory are those of
`area_version`: one look per batch, so that a new area is effective at once in every process.
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, BigInteger, DateTime, any_, cast, func, select, text, true, union_all

from geo import fences
from geo.fences import Event, State, Trigger
from geo.fix import Fix
from services import alerts, carriage, tracks
from services.areas.board import Board, Watched, current_board
from services.areas.glance import Glance, Pair, sleeps
from services.db.engine import ReadSession, WriteSession
from services.db.tables import tracks as tables
from services.db.tables.areas import AreaState
from services.db.tables.fleet import Carriage, Unit
from services.settings import Settings

REMEMBERED = timedelta(days=7)
"""Where a device was longer ago says nothing about where it comes from."""

TOUCH = timedelta(seconds=60)
"""A state of which only the time moved on is written this often: a vehicle may stand inside for hours."""

_SAVE = text("""
INSERT INTO area_state (rule_id, device_id, at, idle, state)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS new (rule_id bigint, device_id bigint, at timestamptz, idle boolean, state jsonb)
ON CONFLICT (rule_id, device_id) DO UPDATE SET at = excluded.at, idle = excluded.idle, state = excluded.state
WHERE area_state.at <= excluded.at
""")


async def watch(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:
    """Step the fences that a batch can matter to, keep their states, raise their alerts.

    The same batch handled twice raises nothing twice: its fixes are not newer than the states, and the keys of alerts
    are made of rule, device and event time.
    """
    board = await current_board(db)
    glance = Glance.of(board, fixes)
    if not board.rules or not glance.fixes:
        return
    await asyncio.to_thread(glance.measure)
    if board.crossing.any():
        await _look_back(db, glance, glance.spans)
        await asyncio.to_thread(glance.trace)
    near = glance.pairs()
    states = {pair: state for pair, state in (await load(db, glance.spans, near)).items() if pair[0] in board.rules}
    moments = {device_id: glance.fixes[span[-1]].at for device_id, span in glance.spans.items()}
    pairs = await of_kind(db, board, near | states.keys(), moments)
    fresh = {device_id for rule_id, device_id in pairs if sleeps(states.get((rule_id, device_id)))}
    await _look_back(db, glance, fresh)
    await asyncio.to_thread(glance.measure_before, fresh)
    after = await asyncio.to_thread(glance.step, pairs, states)
    await save(db, {pair: state for pair, (state, _) in after.items() if _is_news(states.get(pair), state)})
    told = [(pair, event) for pair, (_, events) in after.items() for event in events]
    await alerts.raise_alerts(db, [as_alert(board.rules[rule], device_id, event) for (rule, device_id), event in told])
    if settings.bus_url is None:  # else writers share the devices: what one remembers, another has made old
        board.remember(glance.fixes[span[-1]] for span in glance.spans.values())


async def of_kind(db: ReadSession, board: Board, pairs: Collection[Pair], moments: Mapping[int, datetime]) -> set[Pair]:
    """Leave out the devices that were carried, at the moment given for each, by units of kinds a rule is not for."""
    picky = sorted({device_id for rule_id, device_id in pairs if board.rules[rule_id].unit_kinds is not None})
    if not picky:
        return set(pairs)
    when = cast([moments[device_id] for device_id in picky], ARRAY(DateTime(timezone=True)))
    asked = func.unnest(cast(picky, ARRAY(BigInteger)), when).table_valued("device_id", "at", name="asked")
    then = asked.render_derived()
    found = select(Carriage.device_id, Unit.kind).join(Unit, Unit.id == Carriage.unit_id)
    rows = await db.execute(found.join(then, carriage.carried(then.c.device_id, then.c.at)))
    kinds = {row.device_id: row.kind for row in rows}
    return {
        (rule_id, device_id)
        for rule_id, device_id in pairs
        if (wanted := board.rules[rule_id].unit_kinds) is None or kinds.get(device_id) in wanted
    }


async def load(db: ReadSession, devices: Iterable[int], pairs: Collection[Pair]) -> dict[Pair, State]:
    """Read the states of the pairs, and every busy state of the devices."""
    columns = (AreaState.rule_id, AreaState.device_id, AreaState.state)
    mine = AreaState.device_id == any_(cast(list(devices), ARRAY(BigInteger)))
    found = select(*columns).where(mine, ~AreaState.idle)
    if pairs:
        rules, near = (cast(list(ids), ARRAY(BigInteger)) for ids in zip(*pairs, strict=True))
        asked = func.unnest(rules, near).table_valued("rule_id", "device_id", name="asked").render_derived()
        on = (AreaState.rule_id == asked.c.rule_id) & (AreaState.device_id == asked.c.device_id)
        rows = await db.execute(union_all(found, select(*columns).join(asked, on).where(AreaState.idle)))
    else:
        rows = await db.execute(found)
    return {(rule_id, device_id): State.from_json(state) for rule_id, device_id, state in rows}


async def _look_back(db: ReadSession, glance: Glance, devices: Iterable[int]) -> None:
    """Find the last fix of devices before this batch: in memory, or where memory is newer or empty, in the store."""
    unknown = dict[int, Fix]()
    for device_id in devices:
        first, last = glance.fixes[glance.spans[device_id][0]], glance.board.last.get(device_id)
        if last is not None and last.at < first.at:
            glance.before[device_id] = last
        elif device_id not in glance.before:
            unknown[device_id] = first
    if not unknown:
        return
    ids = cast(list(unknown), ARRAY(BigInteger))
    times = cast([first.at for first in unknown.values()], ARRAY(DateTime(timezone=True)))
    asked = func.unnest(ids, times).table_valued("device_id", "before", name="asked").render_derived()
    fix = tables.Fix
    last_one = tracks.select_fixes().where(
        fix.device_id == asked.c.device_id, fix.at < asked.c.before, fix.at > asked.c.before - REMEMBERED,
        fix.flags.op("&")(int(fences.NO_EVIDENCE)) == 0,
    ).order_by(fix.at.desc()).limit(1).lateral()  # fmt: skip
    for row in await db.execute(select(last_one).select_from(asked.join(last_one, true()))):
        last = tracks.as_fix(row)
        if fences.is_evidence(last):
            glance.before[last.device_id] = last


def _is_news(before: State | None, after: State | None) -> bool:
    """Whether a state is worth writing."""
    if after is None or after.at is None or after is before:
        return False
    if before is None or before.at is None or after.at - before.at >= TOUCH:
        return True
    return after._replace(at=before.at) != before


async def save(db: WriteSession, states: Mapping[Pair, State | None]) -> None:
    """Write states, unless newer ones stand there."""
    rows = [
        {"rule_id": pair[0], "device_id": pair[1], "at": state.at, "idle": state.idle, "state": state.to_json()}
        for pair, state in states.items()
        if state is not None
    ]
    if rows:
        await db.execute(_SAVE, {"rows": json.dumps(rows, default=datetime.isoformat, allow_nan=False)})


def as_alert(watched: Watched, device_id: int, event: Event) -> alerts.NewAlert:
    """Return the alert that tells an event."""
    detail = {"rule_id": watched.id, "known_at": event.known_at.isoformat(), "accuracy_m": event.r95_m}
    if event.trigger is Trigger.DWELL:
        detail["dwell_s"] = watched.rule.dwell_s
    key = f"area:{watched.id}:{device_id}:{event.trigger}:{event.at.isoformat()}"
    kind, place = f"area_{event.trigger}", (event.lon_deg, event.lat_deg)
    return alerts.NewAlert(key, kind, watched.severity, event.at, device_id, watched.area_id, *place, detail)
