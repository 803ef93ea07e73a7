"""Column types and SQL constructions that know the datum: CGCS2000, EPSG:4490, the datum of BeiDou.

Traps kept here, in one place: a bare ``::geography`` cast of a 4490 geometry fails (the type must be spelled out),
``ST_Buffer(geography)`` answers in 4326, and an index on a geometry column does not serve a geography cast.
"""

from typing import Any

from geoalchemy2 import Geography, Geometry
from sqlalchemy import BigInteger, ColumnElement, cast, func, text
from sqlalchemy.types import TypeEngine

SRID = 4490

XID_DEFAULT = text("tianshu_xid()")
"""The writing transaction's number: what `live.changed_since` orders changes by."""


def geography(kind: str, *, index: bool = True) -> Geography:
    """Return the column type for places of a kind (POINT, MULTIPOLYGON, …) in CGCS2000."""
    return Geography(kind, srid=SRID, spatial_index=index)


def point(lon_deg: Any, lat_deg: Any) -> ColumnElement[Any]:
    """Return the SQL geography of a lon/lat pair (columns or values)."""
    return cast(func.ST_SetSRID(func.ST_MakePoint(lon_deg, lat_deg), SRID), Geography("POINT", srid=SRID))


def from_wkb(wkb: Any, kind: str = "GEOMETRY") -> ColumnElement[Any]:
    """Return the SQL geography of WKB bytes."""
    return cast(func.ST_GeomFromWKB(wkb, SRID), Geography(kind, srid=SRID))


def plain(column: Any) -> ColumnElement[Any]:
    """Return a geography column as planar geometry in degrees, for ST_X, ST_AsGeoJSON, ST_AsMVTGeom."""
    return cast(column, Geometry(srid=SRID))


def xid() -> ColumnElement[int]:
    """Return the current transaction's number as bigint."""
    return func.tianshu_xid(type_=big())


def big() -> TypeEngine[int]:
    """Return the 64-bit integer type."""
    return BigInteger()
