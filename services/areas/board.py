"""What is watched for, kept in memory by each process and built anew when an area or rule has changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from geo import areas
from geo.fences import Rule, Trigger
from geo.fix import Fix
from services.db.engine import ReadSession
from services.db.tables.areas import Area, AreaRule, AreaVersion
from services.db.types import plain


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule of an area, and where that area stands in the index."""

    id: int
    area_id: int
    place: int
    area: areas.Area
    rule: Rule
    severity: str
    unit_kinds: frozenset[str] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """All active rules of one version, and the last fix of every device that this process has seen since."""

    version: int
    index: areas.Areas
    of_area: list[list[Watched]]  # by place in the index
    rules: dict[int, Watched]  # by id
    crossing: NDArray[np.bool_]  # which areas have a crossing rule
    last: dict[int, Fix] = field(default_factory=dict)

    def remember(self, fixes: Iterable[Fix]) -> None:
        """Note the newest fix of each device."""
        for fix in fixes:
            known = self.last.get(fix.device_id)
            if known is None or known.at < fix.at:
                self.last[fix.device_id] = fix


_boards: WeakKeyDictionary[Engine, Board] = WeakKeyDictionary()


async def current_board(db: ReadSession) -> Board:
    """Return the board of the database as it stands in this transaction."""
    version = (await db.execute(select(AreaVersion.changed_xid))).scalar() or 0
    engine = db.get_bind().engine
    board = _boards.get(engine)
    if board is None or board.version != version:
        ground = func.ST_AsBinary(plain(Area.shape))
        shapes = (await db.execute(select(Area.id, ground).where(Area.active).order_by(Area.id))).all()
        rules = select(AreaRule).where(AreaRule.active).order_by(AreaRule.id)
        found = (await db.execute(rules)).scalars().all()
        board = _boards[engine] = await asyncio.to_thread(build, version, shapes, found)
    return board


def forget(engine: AsyncEngine, device_id: int) -> None:
    """Rely no more on where this process saw a device last: others may have seen it since."""
    board = _boards.get(engine.sync_engine)
    if board is not None:
        board.last.pop(device_id, None)


def build(version: int, shapes: Sequence[Any], rules: Sequence[AreaRule]) -> Board:
    """Return the board of areas, given as pairs of an id and WKB in CGCS2000 degrees, and of rules.

    An area without a rule, and a rule without an area, is left out.
    """
    by_area = defaultdict[int, list[AreaRule]](list)
    for rule in rules:
        by_area[rule.area_id].append(rule)
    wanted = [(area_id, bytes(wkb)) for area_id, wkb in shapes if area_id in by_area]
    index = areas.Areas(list(shapely.from_wkb([wkb for _, wkb in wanted])))
    of_area = [
        [_watched(rule, place, index[place]) for rule in by_area[area_id]] for place, (area_id, _) in enumerate(wanted)
    ]
    crossing = [any(watched.rule.trigger is Trigger.CROSS for watched in group) for group in of_area]
    by_id = {watched.id: watched for group in of_area for watched in group}
    return Board(version, index, of_area, by_id, np.array(crossing, dtype=np.bool_))


def _watched(rule: AreaRule, place: int, area: areas.Area) -> Watched:
    how = Rule(Trigger(rule.trigger), rule.confirm_fixes, rule.confirm_s, rule.dwell_s or 0)
    kinds = None if rule.unit_kinds is None else frozenset(rule.unit_kinds)
    return Watched(rule.id, rule.area_id, place, area, how, rule.severity, kinds, rule.created_at)
