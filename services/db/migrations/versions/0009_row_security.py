"""The database agrees: who may read and write which rows."""

import psycopg
from alembic import op

from services.db import security

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Declare the tables of rules; a later revision that changes them declares them again."""
    raw = op.get_bind().connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("The migrations run over psycopg.")
    security.declare(raw)
