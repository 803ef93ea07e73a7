"""Who and what the demo city holds: units, parks, enterprises, areas. All invented, and named so that it shows.

No natural person appears anywhere: units are call signs, enterprises are called 示例-… (example-…).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Point, Polygon

from demo import ground, lines
from demo.network import Network

SEED = 430201
STRENGTH = {
    "430202": ("荷塘", 45),
    "430203": ("芦淞", 50),
    "430204": ("石峰", 40),
    "430211": ("天元", 55),
    "430212": ("渌口", 22),
    "430281": ("醴陵", 34),
    "430223": ("攸县", 22),
    "430224": ("茶陵", 18),
    "430225": ("炎陵", 14),
}
"""Units of each division (GB/T 2260 code): 300 in all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of unit: its sign, its share, how far its beat reaches, what it carries."""

    name: str
    sign: str
    share: float
    beat_m: float
    equipment: tuple[str, ...]


KINDS = (
    Kind("car", "巡", 0.50, 2600.0, ("执法记录仪", "急救箱", "灭火器", "酒精检测仪", "防暴盾牌", "阻车器")),
    Kind("motorcycle", "摩", 0.20, 1900.0, ("执法记录仪", "急救包", "酒精检测仪")),
    Kind("foot", "步", 0.16, 420.0, ("执法记录仪", "急救包", "AED")),
    Kind("van", "勤", 0.07, 3000.0, ("执法记录仪", "破拆工具", "防暴盾牌", "AED", "照明设备")),
    Kind("drone_team", "鹰", 0.04, 2200.0, ("执法记录仪", "警用无人机", "喊话器")),
    Kind("command", "指", 0.03, 1500.0, ("执法记录仪", "移动指挥终端", "卫星电话")),
)


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """An invented police unit and the terminal it carries."""

    call_sign: str
    kind: str
    equipment: tuple[str, ...]
    division: str  # GB/T 2260
    phone: str
    terminal_id: str
    plate: str
    version: str  # edition of JT/T 808 its terminal speaks
    lon_deg: float  # middle of its beat
    lat_deg: float
    beat_m: float


@dataclass(frozen=True, slots=True)
class PlannedPark:
    """An invented park with its enterprises: name, industry, lon, lat."""

    name: str
    shape: Polygon  # degrees
    enterprises: tuple[tuple[str, str, float, float], ...]


@dataclass(frozen=True, slots=True)
class PlannedArea:
    """An area to draw and its rules, as the HTTP door takes them."""

    name: str
    kind: str
    shape: Polygon  # degrees
    rules: tuple[dict[str, object], ...]


def _beats(network: Network, area: shapely.Geometry, rng: np.random.Generator, count: int) -> lines.Xy:
    """Middles of beats: street corners inside an area, so that they are dense where streets are."""
    small = np.isin(network.highway, ["residential", "tertiary", "secondary"])
    corners = np.unique(network.source[small]) - 1
    places = np.stack([network.lon_deg[corners], network.lat_deg[corners]], axis=1)
    inside = places[shapely.contains_xy(area, *places.T)]
    return np.asarray(inside[rng.choice(len(inside), count, replace=False)])


def _kinds(rng: np.random.Generator, count: int) -> list[Kind]:
    """A mix of kinds in their shares, one command unit at least, cars for the rest."""
    mix = [KINDS[-1]]
    for kind in KINDS[1:]:
        mix += [kind] * round(kind.share * count)
    mix = mix[:count] + [KINDS[0]] * max(count - len(mix), 0)
    return [mix[k] for k in rng.permutation(count)]


def units(land: ground.Ground, network: Network, seed: int = SEED) -> list[PlannedUnit]:
    """The 300 units of the demo, in a fixed order."""
    rng = np.random.default_rng(seed)
    planned: list[PlannedUnit] = []
    for division, (short, count) in STRENGTH.items():
        area = ground.to_degrees(land.districts[division][1])
        shapely.prepare(area)
        numbers: dict[str, int] = {}
        for kind, (lon, lat) in zip(_kinds(rng, count), _beats(network, area, rng, count), strict=True):
            numbers[kind.sign] = numbers.get(kind.sign, 0) + 1
            serial = len(planned) + 1
            carried = kind.equipment[: int(rng.integers(2, len(kind.equipment) + 1))]
            planned.append(
                PlannedUnit(
                    call_sign=f"{short}-{kind.sign}-{numbers[kind.sign]:02d}",
                    kind=kind.name,
                    equipment=carried,
                    division=division,
                    phone=f"99430200{serial:04d}",
                    terminal_id=f"TS{serial:05d}",
                    plate=f"示{serial:03d}警" if kind.name != "foot" else "",
                    version="2019" if rng.random() < 0.4 else "2013",
                    lon_deg=float(lon),
                    lat_deg=float(lat),
                    beat_m=kind.beat_m,
                )
            )
    return planned


PARKS = (
    ("示例·云澜高新产业园", 113.0720, 27.8260, 1150.0, 34),
    ("示例·岚渡智能制造园", 113.1000, 27.8930, 1000.0, 30),
    ("示例·鹭汀轨道装备园", 113.1620, 27.9130, 1100.0, 38),
    ("示例·枫舟新材料园", 113.1950, 27.8720, 900.0, 26),
    ("示例·榆湾服饰商贸园", 113.1600, 27.8180, 700.0, 32),
    ("示例·沁洲航空产业园", 113.2080, 27.8090, 1000.0, 24),
    ("示例·锦帆陶瓷产业园", 113.5150, 27.6520, 1000.0, 28),
    ("示例·溪月循环经济园", 113.3480, 27.0050, 850.0, 18),
)
"""Invented parks: name, middle, radius in metres, number of enterprises. They lie where such parks could lie."""

_STEMS = "云澜 岚渡 鹭汀 枫舟 榆湾 沁洲 锦帆 溪月 星槎 棠浦 麓亭 霁川 莲屿 荻浦 澄野 朗峦 晴圃 禾苑 琅岭 瑶台"
_TRADES = (
    ("精密机械", "machinery"),
    ("轨道配件", "rail_equipment"),
    ("电子科技", "electronics"),
    ("新材料", "materials"),
    ("陶瓷制品", "ceramics"),
    ("服饰", "clothing"),
    ("物流", "logistics"),
    ("航空零部件", "aviation"),
    ("环保科技", "environment"),
    ("食品", "food"),
)


def _enterprises(rng: np.random.Generator, shape: Polygon, count: int) -> Iterator[tuple[str, str, float, float]]:
    west, south, east, north = shape.bounds
    stems = _STEMS.split()
    chosen = iter(rng.permutation(len(stems) * len(_TRADES)))
    made = 0
    while made < count:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        if shape.buffer(-60.0).contains(Point(x, y)):
            stem, trade = divmod(int(next(chosen)), len(_TRADES))
            spot = ground.to_degrees(Point(x, y))
            made += 1
            yield (
                f"示例-{stems[stem]}{_TRADES[trade][0]}有限公司",
                _TRADES[trade][1],
                round(spot.x, 6),
                round(spot.y, 6),
            )


def parks(land: ground.Ground, seed: int = SEED) -> list[PlannedPark]:
    """Invented parks, dry and inside the city, with invented enterprises."""
    rng = np.random.default_rng([seed, 1])
    planned: list[PlannedPark] = []
    for name, lon, lat, radius_m, count in PARKS:
        middle = ground.to_metres(Point(lon, lat))
        outline = lines.blob(rng, (middle.x, middle.y), radius_m).simplify(90.0)
        dry = outline.difference(land.water.buffer(450.0)).intersection(land.boundary)
        shape = max(shapely.get_parts(dry), key=lambda part: float(part.area))
        degrees = shapely.set_precision(ground.to_degrees(shape), 1e-6)
        planned.append(PlannedPark(name, degrees, tuple(_enterprises(rng, shape, count))))
    return planned


AREAS: tuple[tuple[str, str, float, float, float, tuple[dict[str, object], ...]], ...] = (
    (
        "示例·变电站禁区",
        "restricted",
        113.1140,
        27.8170,
        260.0,
        ({"trigger": "enter", "severity": "warning"},),
    ),
    (
        "示例·体育中心活动外围",
        "event",
        113.0960,
        27.8255,
        700.0,
        ({"trigger": "enter", "severity": "notice", "unit_kinds": ["command", "drone_team"]},),
    ),
    (
        "示例·老城步行街巡区",
        "patrol",
        113.1540,
        27.8330,
        900.0,
        ({"trigger": "dwell", "dwell_s": 1200, "severity": "notice", "unit_kinds": ["car", "motorcycle"]},),
    ),
    (
        "示例·危化品仓库警戒区",
        "restricted",
        113.1080,
        27.8990,
        320.0,
        (
            {"trigger": "enter", "severity": "urgent"},
            {"trigger": "dwell", "dwell_s": 300, "severity": "urgent"},
        ),
    ),
    ("示例·水源保护区", "other", 113.1050, 27.7850, 380.0, ({"trigger": "leave", "severity": "notice"},)),
)
"""Invented areas: name, kind, middle, radius in metres, rules."""


def areas(seed: int = SEED) -> list[PlannedArea]:
    """A few areas with rules, so that fences have something to say."""
    rng = np.random.default_rng([seed, 2])
    planned: list[PlannedArea] = []
    for name, kind, lon, lat, radius_m, rules in AREAS:
        middle = ground.to_metres(Point(lon, lat))
        outline = lines.blob(rng, (middle.x, middle.y), radius_m).simplify(radius_m / 20)
        planned.append(PlannedArea(name, kind, shapely.set_precision(ground.to_degrees(outline), 1e-6), rules))
    return planned
