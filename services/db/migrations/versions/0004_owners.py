"""Which gateway a device is connected to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Gateways that live, and the sessions they hold: written when a device signs in or leaves, never for a fix."""
    op.create_table(
        "gateway",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "gateway_session",
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_xid", sa.BigInteger(), server_default=sa.text("tianshu_xid()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_gateway_session_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_gateway_session")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(op.f("ix_gateway_session_changed_xid"), "gateway_session", ["changed_xid"])
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON gateway_session FOR EACH ROW EXECUTE FUNCTION tianshu_touch()")
