"""Users of the private cluster, one for each kind of process: each may act as its roles and as nobody else."""

import secrets

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from services.db.security.roles import DbRole, role_name

PROCESSES: dict[str, tuple[DbRole, ...]] = {
    "api": (DbRole.APP, DbRole.DOOR, DbRole.INGEST, DbRole.AUDIT),
    "ingest": (DbRole.INGEST,),
    "worker": (DbRole.WORKER,),
}
"""Which roles a process acts as. The API takes in what phone apps report, too."""


def make_login(url: str, process: str) -> str:
    """Return the address for a kind of process: a user who owns nothing, under a new password.

    `url` is the owner's. The password is kept nowhere: whoever starts the process hands it over.
    """
    address = make_url(url)
    name, password = f"{address.database}_{process}_login", secrets.token_urlsafe(24)
    with psycopg.connect(url) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} NOINHERIT").format(sql.Identifier(name)))
        secret = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
        connection.execute(secret)
        for role in PROCESSES[process]:
            group = sql.Identifier(role_name(address.database or "", role))
            connection.execute(sql.SQL("GRANT {} TO {}").format(group, sql.Identifier(name)))
    return address.set(username=name, password=password).render_as_string(hide_password=False)
