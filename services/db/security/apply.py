"""Making the tables of rules true: run by migrations, any number of times; what was declared before is replaced."""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from services.db.security import corrections, rules
from services.db.security.functions import CALLERS, FUNCTIONS
from services.db.security.roles import DbRole, role_name

Connection = psycopg.Connection[Any]

CLAIMED = "(SELECT tianshu_claim('roles')) IS NOT NULL"
_TABLES = """
SELECT c.relname, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'procrastinate%'
  AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys') ORDER BY 1
"""
_JOBS = "SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%' AND relkind IN ('r', 'p') ORDER BY 1"


def declare(connection: Connection) -> None:
    """Make the roles, functions, grants and policies what the tables of rules say, in the caller's transaction.

    Raises:
        psycopg.errors.InsufficientPrivilege: the owner may not create roles, and they are not there.
    """
    (database, owner) = connection.execute("SELECT current_database(), current_user").fetchall()[0]
    names = {role: role_name(database, role) for role in DbRole}
    found = connection.execute(_TABLES).fetchall()
    tables = [name for name, is_part in found if not is_part]
    _make_roles(connection, names, owner)
    for function in FUNCTIONS:
        _run(connection, function)
    for name, callers in CALLERS.items():
        _run(connection, f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        for caller in callers:
            _run(connection, f"GRANT EXECUTE ON FUNCTION {name} TO {{}}", names[DbRole(caller)])
    _forget(connection, names)
    for table in tables:
        for statement, *identifiers in _statements(table, names):
            _run(connection, statement, *identifiers)
        if table in rules.OWNER_READS:
            _run(connection, "CREATE POLICY owner ON {} FOR SELECT TO CURRENT_USER USING (true)", table)
    for name in (name for name, is_part in found if is_part):
        connection.execute("SELECT tianshu_close_day(%s)", [name])
    _let_sweep(connection, names)
    _let_work(connection, names)
    corrections.declare(connection, names)


def policies(rule: rules.Rule) -> Iterator[tuple[str, str]]:
    """Yield, for each verb of a rule, the verb and the condition of its policy as PostgreSQL reads it."""
    who = CLAIMED if rule.roles == rules.ANYBODY else f"(SELECT tianshu_holds({_array(rule.roles)}))"
    rows, written = f"{who} AND ({rule.rows})", f"{who} AND ({rule.check or rule.rows})"
    clauses = {"INSERT": f"WITH CHECK ({written})", "UPDATE": f"USING ({rows}) WITH CHECK ({written})"}
    for verb in rule.verbs.split():
        yield verb, clauses.get(verb, f"USING ({rows})")


def _array(roles: str) -> str:
    return f"ARRAY[{', '.join(repr(role) for role in roles.split())}]"


def grants(table: str) -> dict[DbRole, str]:
    """Return the verbs each role is granted on a table, parted by blanks in their usual order."""
    granted: dict[DbRole, str] = {}
    if table in rules.PLACES:
        granted[DbRole.APP] = rules.PLACES[table]
    elif mine := {verb for rule in rules_of(table) for verb in rule.verbs.split()}:
        granted[DbRole.APP] = " ".join(verb for verb in rules.ALL.split() if verb in mine)
    for machine, named in rules.MACHINES.items():
        if table in named:
            granted[DbRole(machine)] = named[table]
        elif machine in rules.BROAD and table not in rules.BROAD[machine]:
            granted[DbRole(machine)] = rules.ALL
    return granted


def is_unlimited(rule: rules.Rule, verb: str) -> bool:
    """Whether a rule permits a verb for every row."""
    return (rule.rows if verb in {"SELECT", "DELETE"} else rule.check or rule.rows) == "true"


def rules_of(table: str) -> list[rules.Rule]:
    """Return the rules of a table."""
    return [rule for rule in rules.RULES if rule.table == table]


def _make_roles(connection: Connection, names: dict[DbRole, str], owner: str) -> None:
    for name in names.values():
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            _run(connection, "CREATE ROLE {} NOLOGIN NOINHERIT", name)
        if not connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [owner, name]).fetchall()[0][0]:
            _run(connection, "GRANT {} TO {}", name, owner)


def _forget(connection: Connection, names: dict[DbRole, str]) -> None:
    """Take back what was declared before."""
    for name in names.values():
        _run(connection, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", name)
    for table, policy in connection.execute(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'"
    ).fetchall():
        _run(connection, "DROP POLICY {} ON {}", policy, table)


def _statements(table: str, names: dict[DbRole, str]) -> Iterator[tuple[str, ...]]:
    """Yield the grants and policies of a table, each with its identifiers."""
    granted = grants(table)
    for role, verbs in granted.items():
        shown = rules.SHOWN.get(table) if role is DbRole.APP else None
        some = f"SELECT ({', '.join(shown.split())})" if shown else "SELECT"
        yield f"GRANT {', '.join(verbs.split()).replace('SELECT', some)} ON {{}} TO {{}}", table, names[role]
    if table in rules.PLACES:
        return
    yield "ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", table
    for number, rule in enumerate(rules_of(table), 1):
        for verb, clause in policies(rule):
            policy = f"app_{verb.lower()}_{number}"
            yield f"CREATE POLICY {{}} ON {{}} FOR {verb} TO {{}} {clause}", policy, table, names[DbRole.APP]
    for role in granted.keys() - {DbRole.APP}:
        yield "CREATE POLICY {} ON {} TO {} USING (true) WITH CHECK (true)", str(role), table, names[role]


def _let_sweep(connection: Connection, names: dict[DbRole, str]) -> None:
    """Let the worker delete from the rests, which are no days: they go row by row, under their own names."""
    worker = names[DbRole.WORKER]
    for rest in rules.RESTS:
        _run(connection, "GRANT SELECT, UPDATE, DELETE ON {} TO {}", rest, worker)
        _run(connection, "CREATE POLICY worker ON {} TO {} USING (true)", rest, worker)


def _let_work(connection: Connection, names: dict[DbRole, str]) -> None:
    """Let processes defer jobs and do them."""
    workers = [names[role] for role in (DbRole.APP, DbRole.INGEST, DbRole.WORKER)]
    for (table,) in connection.execute(_JOBS).fetchall():
        for worker in workers:
            _run(connection, "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}", table, worker)
    for worker in workers:
        _run(connection, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}", worker)


def _run(connection: Connection, statement: str, *identifiers: str) -> None:
    """Run a statement of this package's own making, with names in the place of its braces."""
    text = sql.SQL(statement)
    connection.execute(text.format(*map(sql.Identifier, identifiers)) if identifiers else statement.encode())
