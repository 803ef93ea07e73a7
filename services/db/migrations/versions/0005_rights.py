"""Rights of people over their data: the log of a call may be destroyed, or its words emptied, after a year at the
earliest. Checks of the audit trail are kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let retention take the log of a call away with the call; keep the checks of the trail, append-only."""
    op.execute("DROP TRIGGER append_only ON call_event")
    op.create_table(
        "audit_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("seals", sa.BigInteger(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_audit_check_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_check")),
    )
    for table, deletable_after in (("call_event", "'1 year', 'detail'"), ("audit_check", "'3 years'")):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION tianshu_refuse_change({deletable_after})"
        )
