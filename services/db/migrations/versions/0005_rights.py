"""Rights of people over their data: the log of a call may be destroyed, after a year at the earliest."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let retention take the log of a call away with the call."""
    op.execute("DROP TRIGGER append_only ON call_event")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON call_event "
        "FOR EACH ROW EXECUTE FUNCTION tianshu_refuse_change('1 year')"
    )
