"""The roles of the database that processes act as. None owns anything, none bypasses a policy, none can log in."""

from enum import StrEnum

from services.errors import InvalidError

MAX_BYTES = 63
"""PostgreSQL cuts longer names."""


class DbRole(StrEnum):
    """What a connection is for."""

    APP = "app"  # requests of people: rows by the claims of the transaction, none without claims
    DOOR = "door"  # signing in: accounts, sessions and factors, before anybody has claims
    INGEST = "ingest"  # gateways and exchanges: what devices tell
    AUDIT = "audit"  # the trail's own connection: it adds entries and reads nothing
    WORKER = "worker"  # timed jobs: retention, seals, timers
    CORRECTIONS = "corrections"  # the schema of community corrections, and nothing else


class LongNameError(InvalidError):
    """The database's name leaves no room for those of its roles."""


def role_name(database: str, role: DbRole) -> str:
    """Return the role's name in the cluster: databases of one cluster have roles of their own.

    Raises:
        LongNameError: it would be cut.
    """
    name = f"{database}_{role}"
    if len(name.encode()) > MAX_BYTES:
        raise LongNameError(f"The database's name is too long: {name} has more than {MAX_BYTES} bytes.")
    return name
