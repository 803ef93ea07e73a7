"""What a fix was read from, and the clocks of devices."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing yet."""
