"""Tables, shared ground of all slices, one module per noun."""

from services.db.tables import (
    access,
    alerts,
    areas,
    base,
    calls,
    cases,
    exchange,
    fleet,
    messages,
    parks,
    phones,
    roads,
    tracks,
)

__all__ = [
    "access",
    "alerts",
    "areas",
    "base",
    "calls",
    "cases",
    "exchange",
    "fleet",
    "messages",
    "parks",
    "phones",
    "roads",
    "tracks",
]
