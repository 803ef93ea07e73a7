"""The gazetteer (地名): where something of a name is, out of what the service itself holds; nobody outside is asked."""

from dataclasses import dataclass

from sqlalchemy import text

from geo import crs
from services import access
from services.db.engine import ReadSession
from services.dispatch.ground import Ground
from services.settings import Settings

_STORED = text("""
WITH found AS (
    (SELECT name, 'park' AS kind, shape::geometry AS ground, '' AS detail FROM park
     WHERE name ILIKE :held LIMIT 30)
    UNION ALL
    (SELECT name, 'enterprise', place::geometry, industry FROM enterprise WHERE name ILIKE :held LIMIT 30)
    UNION ALL
    (SELECT name, 'area', shape::geometry, kind FROM area WHERE active AND name ILIKE :held LIMIT 30)
    UNION ALL
    (SELECT edge.name, 'road', ST_Collect(edge.shape), '' FROM road_edge edge
     JOIN road_network network ON network.id = edge.network_id
     WHERE network.name = :network AND edge.name ILIKE :held GROUP BY edge.name LIMIT 30)
)
SELECT name, kind, ST_X(inside), ST_Y(inside), detail
FROM found, LATERAL (SELECT ST_PointOnSurface(ground)) AS at(inside)
""")


@dataclass(frozen=True, slots=True)
class Place:
    """Something with a name: park, enterprise, area, road, division, township, place. CGCS2000 degrees."""

    name: str
    kind: str
    lon_deg: float
    lat_deg: float
    detail: str = ""


async def find_places(
    mandate: access.Mandate,
    db: ReadSession,
    ground: Ground,
    settings: Settings,
    *,
    words: str,
    near: tuple[float, float] | None = None,
    limit: int = 10,
) -> list[Place]:
    """Return what is called so: exactly, then from the beginning on, then anywhere; of equal ones the nearest first."""
    await access.grant(mandate, access.Act.VIEW_CALLS, "places")
    wanted = words.strip()
    if not wanted:
        return []
    literally = wanted.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    rows = await db.execute(_STORED, {"held": f"%{literally}%", "network": settings.road_network})
    found = [Place(*row) for row in rows]
    found += [
        Place(name.name, name.kind, name.lon_deg, name.lat_deg)
        for name in ground.names
        if wanted.lower() in name.name.lower()
    ]
    return sorted(found, key=lambda place: _rank(place, wanted, near))[:limit]


def _rank(place: Place, wanted: str, near: tuple[float, float] | None) -> tuple[int, float, int, str]:
    name, words = place.name.lower(), wanted.lower()
    fit = 0 if name == words else 1 if name.startswith(words) else 2
    away_m = float(crs.haversine_m(*near, place.lon_deg, place.lat_deg)) if near else 0.0
    return fit, away_m, len(place.name), place.name
