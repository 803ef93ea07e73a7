"""What the database itself permits: roles, grants and policies against PostgreSQL, cell by cell."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql
from sqlalchemy import make_url, text

from api.cli import row_security
from services import access
from services.db import migrate, security
from services.db.claims import Claims
from services.db.cluster import Cluster
from services.db.engine import make_engine, options, reading
from services.db.security import DbRole, role_name, rules
from services.db.tables.base import Base
from tests.builders import rows
from tests.conftest import ROOT

VERBS = rules.ALL.split()
MACHINES = (DbRole.DOOR, DbRole.INGEST, DbRole.AUDIT, DbRole.WORKER)
DECISIONS: dict[str, LiteralString] = {
    "authorisation": "UPDATE authorisation SET state = 'approved', approved_by = 1 WHERE id = %s",
    "export_request": "UPDATE export_request SET state = 'approved', decided_by = 1 WHERE id = %s",
}
"""What a decision writes: to write a row as it was is none."""


class Bench:
    """PostgreSQL with a few rows in every table, asked as each role in a transaction that is thrown away."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection, self.made = connection, rows.fill(connection)

    def cells(self, tables: Iterable[str], role: DbRole, officer: str | None = None) -> list[str]:
        """By table: capital letters for verbs that reach all rows, small ones for some, as on the reference page."""
        there = [len(self.made[table]) for table in tables]
        return [
            "".join(verb[0] if rows == every else verb[0].lower() for verb, rows in reached.items() if rows)
            for every, reached in zip(there, self.reach(tables, role, officer), strict=True)
        ]

    def reach(
        self, tables: Iterable[str], role: DbRole, officer: str | None = None, verbs: Iterable[str] = VERBS
    ) -> list[dict[str, int]]:
        """By table: how many rows each verb reaches."""
        self.connection.execute("SAVEPOINT asking")
        self._become(role, officer)
        found = [{verb: self._reached(table, role, verb) for verb in verbs} for table in tables]
        self.connection.execute("ROLLBACK TO SAVEPOINT asking")
        return found

    def _reached(self, table: str, role: DbRole, verb: str) -> int:
        name = sql.Identifier(table)
        asked = "has_table_privilege" if verb == "DELETE" else "has_any_column_privilege"
        if not self.connection.execute(f"SELECT {asked}(%s, %s)".encode(), [table, verb]).fetchall()[0][0]:
            return 0
        if verb == "SELECT":
            seen: int = self.connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchall()[0][0]
            return seen
        keys = ["account_id"] if table == "login" else [one.name for one in Base.metadata.tables[table].primary_key]
        where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(key)) for key in keys)
        found = 0
        for row in self.made[table]:
            named = [row[key] for key in keys]
            if verb == "INSERT":
                found += self._try(rows.insertion(table, row), list(row.values()))
            elif verb == "DELETE":
                found += self._try(sql.SQL("DELETE FROM {} WHERE {}").format(name, where), named)
            elif table in DECISIONS and role is DbRole.APP:
                found += self._try(sql.SQL(DECISIONS[table]), named)
            else:
                same = sql.SQL("UPDATE {} SET {} = %s WHERE {}").format(name, sql.Identifier(keys[-1]), where)
                found += self._try(same, [named[-1], *named])
        return found

    def _try(self, statement: sql.SQL | sql.Composed, values: list[Any]) -> int:
        """Rows that a statement reached; a row that is there already would have been permitted."""
        self.connection.execute("SAVEPOINT one")
        try:
            return self.connection.execute(statement, values).rowcount
        except psycopg.errors.InsufficientPrivilege:
            return 0
        except psycopg.errors.UniqueViolation:
            return 1
        finally:
            self.connection.execute("ROLLBACK TO SAVEPOINT one")

    def _become(self, role: DbRole, officer: str | None) -> None:
        claims = {"role": role_name(self.connection.info.dbname, role)}
        if officer is not None:
            start, end = (rows.NOW - rows.DAY).isoformat(), rows.NOW.isoformat()
            claims |= {"tianshu.roles": officer, "tianshu.account": str(rows.MINE), "tianshu.purpose": "duty"}
            claims |= {"tianshu.subjects": "device:1", "tianshu.start": start, "tianshu.end": end}
            if officer == "security_admin":
                claims |= {"tianshu.subjects": "call:1,device:1"}
            if officer == "dispatcher":
                claims |= {"tianshu.case": "C1"}
            if officer == "investigator":
                claims |= {"tianshu.case": "C1", "tianshu.subjects": "unit:1", "tianshu.authorisation": "3"}
        said = ", ".join(["set_config(%s, %s, true)"] * len(claims))
        self.connection.execute(f"SELECT {said}".encode(), list(itertools.chain(*claims.items())))


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    with psycopg.connect(database_url) as connection:
        yield Bench(connection)
        connection.rollback()


def documented() -> dict[tuple[str, str], str]:
    """The cells of docs/reference/row-security.md, by table and role."""
    cells: dict[tuple[str, str], str] = {}
    columns: list[str] = []
    for line in (ROOT / "docs" / "reference" / "row-security.md").read_text(encoding="utf-8").splitlines():
        parts = [part.strip().strip("`") for part in line.strip("|").split("|")]
        if line.startswith("| table"):
            columns = parts[1:]
        elif line.startswith("| `"):
            cells |= {(parts[0], column): value for column, value in zip(columns, parts[1:], strict=True)}
    return cells


def test_every_table_has_a_rule_or_is_said_to_hold_places_or_to_be_a_machine_s_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'corrections') "
            "AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'procrastinate%' "
            "AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')"
        ).fetchall()
    open_ones = {name for name, forced in found if not forced}
    assert open_ones == set(rules.PLACES)
    assert set(rules.TABLES) == set(Base.metadata.tables)


def test_no_role_owns_anything_or_gets_round_a_policy(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        names = [role_name(connection.info.dbname, role) for role in DbRole]
        found = connection.execute(
            "SELECT r.rolname, r.rolsuper, r.rolbypassrls, r.rolcanlogin, r.rolinherit, r.rolcreaterole, "
            "(SELECT count(*) FROM pg_shdepend d WHERE d.refobjid = r.oid AND d.deptype = 'o') "
            "FROM pg_roles r WHERE r.rolname = ANY (%s)",
            [names],
        ).fetchall()
    assert {row[0] for row in found} == set(names)
    assert {row[1:] for row in found} == {(False, False, False, False, False, 0)}


def test_the_rules_permit_no_role_what_the_permissions_do_not() -> None:
    for rule in rules.RULES:
        acts = [access.PERMISSIONS[access.Act(act)] for act in rule.acts.split()]
        permitted = {str(role) for roles in acts for role in roles}
        assert set(rule.roles.split()) <= permitted, f"{rule.table} {rule.verbs} {set(rule.roles.split()) - permitted}"
        assert bool(acts) == bool(rule.roles)


def test_every_cell_of_the_page_is_what_postgresql_answers(bench: Bench) -> None:
    said, tables, wrong = documented(), rules.TABLES, {}
    askers: list[Any] = [(DbRole.APP, str(role)) for role in access.Role] + [(role, None) for role in MACHINES]
    for role, officer in askers:
        for table, cell in zip(tables, bench.cells(tables, role, officer), strict=True):
            if said.get((table, officer or role)) != cell:
                wrong[table, officer or str(role)] = said.get((table, officer or role)), cell
    assert wrong == {}


def test_the_page_is_what_the_rules_say() -> None:
    page = (ROOT / "docs" / "reference" / "row-security.md").read_text(encoding="utf-8")
    assert page == row_security.row_security_page(), "run `tianshu reference`"


def test_without_claims_the_application_sees_nobody(bench: Bench) -> None:
    tables = [table for table in rules.TABLES if table not in rules.PLACES]
    assert set(bench.cells(tables, DbRole.APP)) == {""}


def test_each_policy_matters(bench: Bench) -> None:
    """Drop each policy in turn: some cell of its table must change."""
    policies = bench.connection.execute(
        "SELECT tablename, policyname, cmd FROM pg_policies WHERE schemaname = 'public' AND policyname <> 'owner' "
        "AND tablename = ANY (%s) ORDER BY 1, 2",
        [list(rules.TABLES)],
    ).fetchall()
    idle = []
    for table, policy, verb in policies:
        machine = policy in set(map(str, MACHINES))
        askers: list[Any] = [(DbRole(policy), None)] if machine else [(DbRole.APP, str(role)) for role in access.Role]
        verbs = VERBS if machine else [verb]
        before = [bench.reach([table], role, officer, verbs) for role, officer in askers]
        bench.connection.execute("SAVEPOINT dropped")
        bench.connection.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(policy), sql.Identifier(table)))
        if before == [bench.reach([table], role, officer, verbs) for role, officer in askers]:
            idle.append((table, policy))
        bench.connection.execute("ROLLBACK TO SAVEPOINT dropped")
    assert len(policies) > len(rules.RULES)
    assert idle == []


def test_corrections_are_shown_for_their_purpose_only_and_minors_to_who_says_so(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        role = role_name(connection.info.dbname, DbRole.CORRECTIONS)
        connection.execute("INSERT INTO corrections.person (name, minor_at_entry) VALUES ('a', false), ('b', true)")
        for purpose, officer, minors in itertools.product(
            ("corrections", "duty"), ("corrections_officer", "dispatcher"), ("shown", "")
        ):
            connection.execute("SAVEPOINT one")
            claims = {"tianshu.purpose": purpose, "tianshu.roles": officer, "tianshu.minors": minors, "role": role}
            for name, value in claims.items():
                connection.execute("SELECT set_config(%s, %s, true)", [name, value])
            seen = connection.execute("SELECT count(*) FROM corrections.person").fetchall()[0][0]
            permitted = purpose == "corrections" and officer == "corrections_officer"
            assert seen == (0 if not permitted else 2 if minors else 1)
            connection.execute("ROLLBACK TO SAVEPOINT one")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE corrections.person SET minor_at_entry = true")
        connection.rollback()


@pytest.mark.parametrize("role", [DbRole.APP, DbRole.DOOR, DbRole.INGEST, DbRole.AUDIT, DbRole.WORKER])
def test_nobody_else_gets_into_the_schema_of_corrections(database_url: str, role: DbRole) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role_name(connection.info.dbname, role))))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM corrections.person")


async def test_claims_are_gone_with_their_transaction(settings: Any) -> None:
    engine = make_engine(settings.database_address, DbRole.APP, pool_size=1)
    claims = Claims(1, ["dispatcher"], "duty")
    query = text("SELECT current_user, tianshu_claim('roles')")
    async with reading(engine, claims) as db:
        assert (await db.execute(query)).one()[1] == "dispatcher"
    async with reading(engine) as db:
        user, roles = (await db.execute(query)).one()
    assert (user.endswith("_app"), roles) == (True, None)
    await engine.dispose()


def test_a_day_of_fixes_shows_nothing_under_its_own_name(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT tianshu_make_day('fix', 'at', current_date)")
        name = connection.execute("SELECT 'fix_' || to_char(current_date, 'YYYYMMDD')").fetchall()[0][0]
        for role in (DbRole.APP, DbRole.INGEST, DbRole.WORKER):
            connection.execute("SAVEPOINT one")
            connection.execute("SELECT set_config('role', %s, true)", [role_name(connection.info.dbname, role)])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(name)))
            connection.execute("ROLLBACK TO SAVEPOINT one")
        connection.rollback()


def test_a_process_of_the_private_cluster_can_not_become_the_owner(database_url: str) -> None:
    for process, roles in security.PROCESSES.items():
        url = security.make_login(database_url, process)
        with psycopg.connect(url) as connection:
            owner, name = connection.execute(
                "SELECT pg_get_userbyid(datdba), datname FROM pg_database WHERE datname = current_database()"
            ).fetchall()[0]
            for role in DbRole:
                connection.execute("SAVEPOINT one")
                asked = "SELECT set_config('role', %s, true)", [role_name(name, role)]
                if role in roles:
                    connection.execute(*asked)
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(*asked)
                connection.execute("ROLLBACK TO SAVEPOINT one")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT set_config('role', %s, true)", [owner])
            connection.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT FROM account")


async def test_a_request_reads_as_the_application_whose_role_owns_nothing(application: FastAPI) -> None:
    users = {}
    for name in ("engine", "door", "intake"):
        async with reading(getattr(application.state, name)) as db:
            users[name] = (await db.execute(text("SELECT current_user"))).scalar_one()
    assert {name: user.rpartition("_")[2] for name, user in users.items()} == {
        "engine": "app", "door": "door", "intake": "ingest",
    }  # fmt: skip


def test_an_owner_who_is_no_superuser_can_build_and_keep_the_database(cluster: Cluster) -> None:
    plain = cluster.url("plain_owner")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CREATE ROLE plain LOGIN NOINHERIT CREATEROLE PASSWORD 'plain'")
        connection.execute("ALTER DATABASE plain_owner OWNER TO plain")
        connection.execute("ALTER SCHEMA public OWNER TO plain")
    url = make_url(plain).set(username="plain", password="plain").render_as_string(hide_password=False)
    migrate.upgrade(url)
    with psycopg.connect(url, options=options(url, DbRole.INGEST)) as connection:
        connection.execute("SELECT tianshu_make_day('fix', 'at', current_date)")
        connection.execute("INSERT INTO device (phone) VALUES ('1')")
        connection.execute(
            "INSERT INTO fix (device_id, at, payload_hash, received_at, place, alarm, status, systems, flags, source) "
            "VALUES (1, now(), 1, now(), 'SRID=4490;POINT(113 27)', 0, 0, 0, 0, 0)"
        )
        assert connection.execute("SELECT count(*) FROM fix").fetchall() == [(1,)]
    with psycopg.connect(url) as connection:  # FORCE: not even the owner sees a track
        assert connection.execute("SELECT count(*) FROM fix").fetchall() == [(0,)]
    with psycopg.connect(url, options=options(url, DbRole.AUDIT)) as connection:
        assert connection.execute("SELECT hash FROM tianshu_audit_head()").fetchall() == [(None,)]
