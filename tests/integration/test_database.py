"""The private cluster and the migrations."""

import asyncio

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from services.db import migrate
from services.db.cluster import Cluster
from services.db.engine import DatabaseAwayError, check_ready, make_engine, reading, writing
from services.db.tables import base
from services.db.tables.fleet import Device


def _ours(item) -> bool:
    return not any("spatial_ref_sys" in str(part) or "procrastinate" in str(part) for part in item)


def test_the_migrations_build_exactly_the_tables_the_code_believes_in(database_url):
    def include(thing, name, kind, reflected, compare_to):
        foreign = name and (
            name.startswith(("procrastinate", "idx_procrastinate", "fix_", "frame_batch_")) or name == "spatial_ref_sys"
        )
        return not foreign

    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include})
        differences = compare_metadata(context, base.Base.metadata)
    engine.dispose()
    assert [item for item in differences if _ours(item)] == []


def test_migrating_twice_changes_nothing(database_url):
    migrate.upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_private_cluster_listens_on_loopback_with_a_password_and_comes_back_on_its_port(tmp_path, own_cluster):
    url = own_cluster.url()
    own_cluster.stop()
    assert not own_cluster.is_running()
    assert own_cluster.start() is True
    assert own_cluster.start() is False
    assert own_cluster.url() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace("tianshu:", "tianshu:wrong", 1)).close()


async def test_a_database_that_is_away_is_said_so_and_comes_back(own_cluster: Cluster):
    engine = make_engine(own_cluster.url())
    async with reading(engine) as db:
        await check_ready(db)
    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(DatabaseAwayError, match="Nothing was lost"):
        async with reading(engine) as db:
            await check_ready(db)
    await asyncio.to_thread(own_cluster.start)
    async with reading(engine) as db:
        await check_ready(db)
    await engine.dispose()


async def test_a_read_session_can_not_write(engine):
    async with reading(engine) as db:
        db.add(Device(phone="1"))
        with pytest.raises(DBAPIError, match="read-only"):
            await db.flush()
        await db.rollback()


async def test_a_write_session_that_fails_leaves_nothing_behind(engine):
    async def fail() -> None:
        async with writing(engine) as db:
            db.add(Device(phone="1"))
            await db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with writing(engine) as db:
        db.add(Device(phone="1"))
