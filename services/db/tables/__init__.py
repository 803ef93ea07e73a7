"""Tables, shared ground of all slices, one module per noun."""

from services.db.tables import (
    access,
    alerts,
    areas,
    audit,
    base,
    calls,
    cases,
    exchange,
    exports,
    fleet,
    messages,
    parks,
    phones,
    retention,
    roads,
    tracks,
)

__all__ = [
    "access",
    "alerts",
    "areas",
    "audit",
    "base",
    "calls",
    "cases",
    "exchange",
    "exports",
    "fleet",
    "messages",
    "parks",
    "phones",
    "retention",
    "roads",
    "tracks",
]
