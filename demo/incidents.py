"""Two years of invented incidents in the demo's parks, with hot spots planted where the answer is known."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from shapely.geometry import Point

from demo import ground
from demo.people import SEED, PlannedPark

DAYS = 730
KINDS = ("theft", "dispute", "vandalism", "trespass", "fire_hazard", "fraud", "traffic")
KIND_SHARES = (0.30, 0.22, 0.12, 0.10, 0.10, 0.06, 0.10)
ORIGINS = ("citizen", "enterprise", "sensor", "inspection", "patrol")
ORIGIN_SHARES = (0.44, 0.28, 0.12, 0.09, 0.07)
HOT_SHARE = 0.34
"""Share of the incidents that lie in the planted hot spots."""
SPREAD_M = 110.0


@dataclass(frozen=True, slots=True)
class PlannedIncident:
    """Something invented that happened in a park."""

    external_id: str
    park: str
    kind: str
    at: datetime
    lon_deg: float
    lat_deg: float
    detection_origin: str


def _somewhere(rng: np.random.Generator, park: PlannedPark) -> tuple[float, float]:
    """Near an enterprise, where most of what happens in a park happens (metres)."""
    _, _, lon, lat = park.enterprises[int(rng.integers(len(park.enterprises)))]
    place = ground.to_metres(Point(lon, lat))
    return float(place.x + rng.normal(0, 170)), float(place.y + rng.normal(0, 170))


def _moment(rng: np.random.Generator, until: datetime, *, night: bool) -> datetime:
    """Some time in the two years before `until`; hot spots are busy in the evening."""
    day = until - timedelta(days=float(rng.integers(1, DAYS)))
    hour = rng.normal(21.5, 2.0) if night else rng.normal(13.0, 4.5)
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=round(hour % 24 * 60))


def hot_spots(park: PlannedPark, seed: int = SEED) -> list[tuple[float, float]]:
    """Middles (lon, lat) of the hot spots planted in a park: at two of its enterprises."""
    rng = np.random.default_rng([seed, 3, len(park.enterprises)])
    chosen = rng.choice(len(park.enterprises), 2, replace=False)
    return [park.enterprises[int(k)][2:] for k in chosen]


def build(parks: list[PlannedPark], until: datetime, seed: int = SEED) -> list[PlannedIncident]:
    """About twenty incidents an enterprise over two years, a third of them in the hot spots.

    A third spot shows nothing but what inspections found: looking more is not more crime, and the default ranking
    leaves it out.
    """
    rng = np.random.default_rng([seed, 4])
    found: list[PlannedIncident] = []
    for number, park in enumerate(parks):
        spots = [ground.to_metres(Point(place)) for place in hot_spots(park, seed)]
        looked_at = ground.to_metres(Point(park.enterprises[-1][2:]))
        for k in range(20 * len(park.enterprises)):
            draw = rng.random()
            hot, inspected = draw < HOT_SHARE, draw > 0.92
            spot = looked_at if inspected else spots[int(rng.random() < 0.4)]
            x, y = (spot.x, spot.y) if hot or inspected else _somewhere(rng, park)
            spread = SPREAD_M if hot or inspected else 0.0
            place = ground.to_degrees(Point(x + rng.normal(0, 1) * spread, y + rng.normal(0, 1) * spread))
            origin = "inspection" if inspected else str(rng.choice(ORIGINS, p=ORIGIN_SHARES))
            kind = "fire_hazard" if inspected else str(rng.choice(KINDS, p=KIND_SHARES))
            at = _moment(rng, until, night=hot)
            external_id = f"DEMO-{number + 1:02d}-{k + 1:05d}"
            found.append(
                PlannedIncident(external_id, park.name, kind, at, round(place.x, 6), round(place.y, 6), origin)
            )
    return found


def as_csv(incidents: list[PlannedIncident]) -> str:
    """The table that the incident door takes; times in ISO 8601 with their zone."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("id", "kind", "at", "lon_deg", "lat_deg", "detection_origin"))
    for one in incidents:
        rows.writerow((one.external_id, one.kind, one.at.isoformat(), one.lon_deg, one.lat_deg, one.detection_origin))
    return text.getvalue()
