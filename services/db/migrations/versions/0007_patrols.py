"""Beats, checkpoints, rosters and patrol plans."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography

revision = "0007"
down_revision = "0006"


def key() -> sa.Column:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True)


def number(name: str, **more: object) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), **more)


def moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def yes(name: str, *, default: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False)


def ground(name: str, kind: str) -> sa.Column:
    return sa.Column(name, Geography(kind, srid=4490, spatial_index=False), nullable=False)


def made() -> tuple[sa.Column, sa.Column]:
    return (
        sa.Column("created_by", sa.BigInteger(), sa.ForeignKey("account.id"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "beat", key(), sa.Column("name", sa.Text(), nullable=False), sa.Column("division", sa.Text()),
        ground("shape", "MULTIPOLYGON"), yes("active", default="true"), *made(),
    )  # fmt: skip
    op.create_index("idx_beat_shape", "beat", ["shape"], postgresql_using="gist")
    op.create_table(
        "checkpoint", key(), sa.Column("name", sa.Text(), nullable=False), ground("place", "POINT"),
        sa.Column("radius_m", sa.Float(), server_default=sa.text("50"), nullable=False),
        number("dwell_s", server_default=sa.text("180"), nullable=False),
        sa.Column("beat_id", sa.BigInteger(), sa.ForeignKey("beat.id")), yes("active", default="true"), *made(),
    )  # fmt: skip
    op.create_index("idx_checkpoint_place", "checkpoint", ["place"], postgresql_using="gist")
    op.create_table(
        "roster", key(), sa.Column("unit_id", sa.BigInteger(), sa.ForeignKey("unit.id"), nullable=False),
        sa.Column("shift", sa.Text(), nullable=False), moment("starts_at"), moment("ends_at"),
        sa.Column("beat_id", sa.BigInteger(), sa.ForeignKey("beat.id")), *made(),
    )  # fmt: skip
    op.create_index("ix_roster_unit_id", "roster", ["unit_id", "starts_at"])
    op.create_index("ix_roster_starts_at", "roster", ["starts_at"])
    op.create_table(
        "patrol_plan", key(), sa.Column("unit_id", sa.BigInteger(), sa.ForeignKey("unit.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False), moment("starts_at"), moment("ends_at"),
        yes("ordered", default="false"), yes("active", default="true"), *made(),
    )  # fmt: skip
    op.create_index("ix_patrol_plan_unit_id", "patrol_plan", ["unit_id", "starts_at"])
    op.create_index("ix_patrol_plan_starts_at", "patrol_plan", ["starts_at"])
    op.create_table(
        "patrol_stop",
        sa.Column("plan_id", sa.BigInteger(), sa.ForeignKey("patrol_plan.id", ondelete="CASCADE"), primary_key=True),
        number("position", primary_key=True, autoincrement=False),
        sa.Column("checkpoint_id", sa.BigInteger(), sa.ForeignKey("checkpoint.id"), nullable=False),
        ground("place", "POINT"), sa.Column("radius_m", sa.Float(), nullable=False),
        moment("window_start", nullable=True), moment("window_end", nullable=True),
        number("dwell_s", nullable=False), moment("expected_at", nullable=True),
    )  # fmt: skip
