"""The database agrees: who may read and write which rows."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""
