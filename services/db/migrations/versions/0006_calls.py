"""Calls, dispatch levels and their timers."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

# officers' requests defer this one job and can't touch the jobs otherwise
DEFER_TIMERS = """
CREATE FUNCTION tianshu_defer_timers(at timestamptz) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW('default', 'check_timers', 0, NULL, NULL, '{}'::jsonb, at)::procrastinate_job_to_defer_v1]
    )
$$
"""
OVER = "'clear', 'refused', 'withdrawn'"


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute(DEFER_TIMERS)
    op.alter_column("call", "place", nullable=True)
    op.add_column("call", sa.Column("answers", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("call", sa.Column("division", sa.Text(), nullable=True))
    op.add_column("call", sa.Column("outside", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("call", sa.Column("signed_by", sa.BigInteger(), nullable=True))
    op.add_column("call", sa.Column("signed_at", moment(), nullable=True))
    op.add_column("call", sa.Column("feedback_at", moment(), nullable=True))
    op.add_column("call", sa.Column("result_code", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_call_signed_by"), "call", "account", ["signed_by"], ["id"])
    op.create_index(op.f("ix_call_taken_at"), "call", ["taken_at"])

    op.alter_column("assignment", "dispatched_at", nullable=True)
    for name in ("proposed_at", "accepted_at", "ended_at", "eta_at"):
        op.add_column("assignment", sa.Column(name, moment(), nullable=True))
    op.add_column("assignment", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("assignment", sa.Column("way", sa.Text(), nullable=True))
    op.add_column("assignment", sa.Column("by_machine", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_index("uq_assignment_open_unit", "assignment")
    op.create_index(
        "uq_assignment_open_unit", "assignment", ["unit_id"], unique=True,
        postgresql_where=sa.text(f"state NOT IN ({OVER})"),
    )  # fmt: skip

    op.create_table(
        "call_link",
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", moment(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("call_id < other_id", name=op.f("ck_call_link_order")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_link_call_id")),
        sa.ForeignKeyConstraint(["other_id"], ["call.id"], name=op.f("fk_call_link_other_id")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_call_link_account_id")),
        sa.PrimaryKeyConstraint("call_id", "other_id", name=op.f("pk_call_link")),
    )
    op.create_index(op.f("ix_call_link_other_id"), "call_link", ["other_id"])
    op.create_table(
        "crew",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("since", moment(), nullable=False),
        sa.Column("until", moment(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_crew_account_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_crew_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crew")),
    )
    op.create_index("uq_crew_open", "crew", ["account_id"], unique=True, postgresql_where=sa.text("until IS NULL"))
    op.create_index(op.f("ix_crew_unit_id"), "crew", ["unit_id"])
    op.create_table(
        "road_closure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("shape", Geometry("GEOMETRY", srid=4490, spatial_index=False), nullable=False),
        sa.Column("lines", Geometry("MULTILINESTRING", srid=4490, spatial_index=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", moment(), nullable=False),
        sa.Column("until", moment(), nullable=True),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", moment(), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["account.id"], name=op.f("fk_road_closure_closed_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["account.id"], name=op.f("fk_road_closure_lifted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_road_closure")),
    )
    op.create_index("ix_road_closure_open", "road_closure", ["network"], postgresql_where=sa.text("lifted_at IS NULL"))
