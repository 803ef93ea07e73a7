"""Who may be asked to go: free units near a scene, sifted by freshness, kind, equipment, shift, beat and fatigue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services import live, rosters
from services.db.engine import ReadSession
from services.dispatch import handbook
from services.settings import Settings

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a dispatcher asks for beside speed; None and empty ask for nothing."""

    kinds: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()
    beat_id: int | None = None
    on_shift: bool = True  # where rosters are in use, only who is on shift


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A free unit that is not recommended, and why.

    stale (age_s), wrong_kind (kind), lacks_equipment (missing), off_shift, other_beat, fatigued (hours).
    """

    unit: live.UnitPosition
    why: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Muster:
    """Free units near a scene: who may be recommended, and who is not."""

    fit: list[live.UnitPosition]
    left_out: list[LeftOut]


@dataclass(frozen=True, slots=True)
class _Duties:
    """What the rosters say of all units at a moment."""

    used: bool
    running: Mapping[int, rosters.Duty]
    hours: Mapping[int, float]


async def muster(
    db: ReadSession,
    settings: Settings,
    *,
    kind: str | None,
    place: tuple[float, float],
    wishes: Wishes = NO_WISHES,
    now: datetime,
    stale_too: bool = False,
) -> Muster:
    """Sift the free units near a place (lon, lat) for a kind of call; with `stale_too` the stale are named as well."""
    since = _EVER if stale_too else now - settings.stale_after
    units = await live.free_units_near(db, *place, radius_m=settings.dispatch_radius_m, seen_since=since)
    used = await rosters.in_use(db, now)  # where nobody is rostered, nobody is tired by the roster either
    running, hours = (await rosters.on_duty(db, now), await rosters.hours_worked(db, now)) if used else ({}, {})
    duties = _Duties(used, running, hours)
    return sift(units, duties_reason(settings, kind, wishes, duties, now))


def sift(
    units: Sequence[live.UnitPosition], reason: Callable[[live.UnitPosition], tuple[str, dict[str, Any]] | None]
) -> Muster:
    """Part units by whether there is a reason against them."""
    found = Muster([], [])
    for unit in units:
        why = reason(unit)
        if why is None:
            found.fit.append(unit)
        else:
            found.left_out.append(LeftOut(unit, *why))
    return found


def duties_reason(
    settings: Settings, kind: str | None, wishes: Wishes, duties: _Duties, now: datetime
) -> Callable[[live.UnitPosition], tuple[str, dict[str, Any]] | None]:
    """Return what says why a unit is left out, or None if it is not."""
    book = handbook.tables(settings)
    said = book.kinds.get(kind) if kind else None
    kinds = wishes.kinds or frozenset(said.units if said else ())
    needed = wishes.equipment | frozenset(said.equipment if said else ())
    advice = book.recommendation

    def reason(unit: live.UnitPosition) -> tuple[str, dict[str, Any]] | None:
        duty = duties.running.get(unit.unit_id)
        against: tuple[tuple[str, bool, dict[str, Any]], ...] = (
            ("stale", now - unit.at > settings.stale_after, {"age_s": round((now - unit.at).total_seconds())}),
            ("wrong_kind", (unit.kind not in kinds) if kinds else unit.kind in advice.never, {"kind": unit.kind}),
            (
                "lacks_equipment",
                not needed <= set(unit.equipment),
                {"missing": sorted(needed - set(unit.equipment))},
            ),
            ("off_shift", wishes.on_shift and duties.used and duty is None, {}),
            ("other_beat", wishes.beat_id is not None and (duty is None or duty.beat_id != wishes.beat_id), {}),
            (
                "fatigued",
                duties.hours.get(unit.unit_id, 0.0) > advice.most_hours,
                {"hours": round(duties.hours.get(unit.unit_id, 0.0), 1)},
            ),
        )
        return next(((why, values) for why, holds, values in against if holds), None)

    return reason
