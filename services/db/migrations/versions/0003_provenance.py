"""What a fix was read from, the clocks of devices, fixes that came late, alerts that correct others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Keep raw frames by day; note skewed clocks, overtaken fixes and corrections."""
    op.create_table(
        "frame_batch",
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("fixes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest_left", sa.LargeBinary(), nullable=True),
        sa.Column("erased_by", sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("received_at", "digest", name=op.f("pk_frame_batch")),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.execute("ALTER TABLE frame_batch ALTER COLUMN content SET STORAGE EXTERNAL")  # it is compressed already
    op.execute("CREATE TABLE frame_batch_default PARTITION OF frame_batch DEFAULT")
    op.add_column("outbox", sa.Column("overtaken", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("alert", sa.Column("corrects", sa.BigInteger()))
    op.create_foreign_key(op.f("fk_alert_corrects_alert"), "alert", "alert", ["corrects"], ["id"])
    op.create_unique_constraint(op.f("uq_alert_corrects"), "alert", ["corrects"])
    op.create_index("ix_alert_device_id_at", "alert", ["device_id", "at"])
    op.add_column("device", sa.Column("clock_skew_s", sa.Double()))
    op.add_column("device", sa.Column("clock_measured_at", sa.DateTime(timezone=True)))
