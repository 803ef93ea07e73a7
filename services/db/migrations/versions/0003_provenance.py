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
    op.create_table(
        "media",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in ("kind", "format", "event", "channel")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("fix_at", sa.DateTime(timezone=True)),
        sa.Column("fix_hash", sa.BigInteger()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("refused", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_media_device_id_device")),
    )
    content = ["device_id", "number", "sha256"]
    op.create_index("uq_media_content", "media", content, unique=True, postgresql_nulls_not_distinct=True)
    op.create_index("ix_media_device_id", "media", ["device_id", "id"])
    op.create_index("ix_media_sha256", "media", ["sha256"])
    op.add_column("outbox", sa.Column("overtaken", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("alert", sa.Column("corrects", sa.BigInteger()))
    op.create_foreign_key(op.f("fk_alert_corrects_alert"), "alert", "alert", ["corrects"], ["id"])
    op.create_unique_constraint(op.f("uq_alert_corrects"), "alert", ["corrects"])
    op.create_index("ix_alert_device_id_at", "alert", ["device_id", "at"])
    op.add_column("device", sa.Column("clock_skew_s", sa.Double()))
    op.add_column("device", sa.Column("clock_measured_at", sa.DateTime(timezone=True)))
