"""Calls, dispatch levels and their timers."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
