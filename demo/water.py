"""The river in the road network: roads along both banks, bridges at a few chosen places, nothing else across."""

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon

from demo import lines
from demo.lines import Line

BANK_M = 330.0
"""Distance of the riverside roads from the middle of the river."""
BRIDGES = 8
BRIDGE_NAMES = "云澜 枫舟 鹭汀 锦帆 岚渡 溪月 榆湾 棠浦 星槎 沁洲 麓亭 霁川 莲屿 荻浦"


def _course(water: LineString) -> LineString:
    return lines.smooth(np.array(water.coords), rounds=2)


def riverside(water: LineString, ring: Polygon, stems: Iterator[str]) -> Iterator[Line]:
    """A road along each bank, inside the ring."""
    course = _course(water)
    for side in (BANK_M, -BANK_M):
        name = next(stems) + "滨江路"
        for part in lines.pieces(course.offset_curve(side).intersection(ring)):
            yield Line(lines.simple(part, 4.0), "secondary", name)


def _upright(part: LineString, river: LineString, at: Point) -> float:
    """How squarely a line crosses the river at a point: 1 is a right angle."""

    def direction(line: LineString) -> lines.Xy:
        along = line.project(at)
        start, end = line.interpolate(along - 150.0), line.interpolate(along + 150.0)
        vector = np.array([end.x - start.x, end.y - start.y])
        return np.asarray(vector / max(np.hypot(*vector), 1e-9))

    a, b = direction(part), direction(river)
    return float(abs(a[0] * b[1] - a[1] * b[0]))


def choose_crossings(streets: list[Line], river: LineString, taken: list[Point]) -> list[Point]:
    """`taken`, and where streets may cross too: squarely, primary ones first, 1.7 km or more from the next bridge."""
    found = [
        (street.highway != "primary", -_upright(street.shape, river, at), at)
        for street in streets
        if street.highway in {"primary", "secondary"}
        for at in shapely.get_parts(street.shape.intersection(river))
        if not at.is_empty
    ]
    chosen = list(taken)
    for _, squareness, at in sorted(found, key=lambda item: item[:2]):
        if squareness < -0.8 and all(at.distance(other) > 1700.0 for other in chosen) and len(chosen) < BRIDGES:
            chosen.append(at)
    return chosen


def bridge_over(streets: list[Line], water: LineString, crossings: list[Point], skip: int = 0) -> list[Line]:
    """The streets without their wet parts, and a straight bridge at each chosen crossing.

    `skip` names of bridges are already taken.
    """
    names = iter(BRIDGE_NAMES.split()[skip:])
    corridor = _course(water).buffer(BANK_M - 12.0, cap_style="flat")
    kept: list[Line] = []
    for street in streets:
        wet = street.shape.intersection(corridor)
        if wet.is_empty:
            kept.append(street)
            continue
        dry = street.shape.difference(corridor)
        kept += [Line(part, street.highway, street.name, street.level, street.oneway) for part in lines.pieces(dry)]
        for part in lines.pieces(wet):
            if any(part.distance(at) < 1.0 for at in crossings) and part.intersects(water):
                deck = LineString([part.coords[0], part.coords[-1]])
                kept.append(Line(deck, street.highway, next(names) + "大桥", street.level, bridge=True))
    return kept
