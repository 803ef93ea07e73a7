"""Alembic's entry: runs the migrations over one synchronous connection."""

from alembic import context
from sqlalchemy import create_engine, pool

from services.db.tables import base

with create_engine(context.config.attributes["url"], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=base.Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
