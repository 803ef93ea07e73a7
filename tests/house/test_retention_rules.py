"""Nothing about people is kept for good by oversight: every table has a rule, goes along with one, or says why not."""

from sqlalchemy import Table

from services import retention
from services.db.security import corrections
from services.db.tables.base import Base
from services.settings import Settings

KEPT = {
    # people who work here: until the account is deleted (services/subjects/accounts.py), their acts by number after it
    "account": "until its owner's data is deleted; the number stays, for what was done on duty",
    "account_role": "until it is taken away, or with the account's data",
    "second_factor": "until it is reset, or with the account's data",
    "recovery_code": "until it is used, or with the account's data",
    "identity": "until it is unlinked, or with the account's data",
    "login": "a session ends after 30 minutes idle or 12 hours and is deleted then (access.expire_logins)",
    "pending_sign_in": "ten minutes (services/access/oidc.py)",
    # devices: never a person's
    "device": "as long as it is in service; it names a terminal, who carried it goes by duties",
    "unit": "as long as it is in service; a call sign, no person",
    "gateway": "half a minute after it was last seen; no people, no places",
    "gateway_session": "as long as the device is connected (services/owners.py)",
    "phone_answer": "a day (services/phones.py)",
    "outbox": "until every watcher has handled the batch, seconds; it holds no position",
    "platform": "as long as the contract with the other platform; no person",
    # places and rules: nobody's data but the number of the account that drew them
    **dict.fromkeys(("area", "area_rule", "area_version", "beat", "checkpoint"), "ground, not people"),
    **dict.fromkeys(("road_network", "road_node", "road_edge", "road_closure"), "roads, not people"),
    **dict.fromkeys(("park", "enterprise"), "places and firms, not people"),
    "incident": "what happened at a place; columns about persons are refused when it is read in",
    # the proof that something was destroyed outlives it
    "destruction": "the record of what retention and rights destroyed: numbers and times only",
}
"""Tables without a rule of their own, each with what ends them or why nothing has to. Reviewed with every new table."""


def ruled() -> set[str]:
    """Return the tables that rules name."""
    return {table.removesuffix("_default") for table, _ in retention.CONDITIONS.values()}


def goes_along(table: Table, with_these: set[str]) -> bool:
    """Return whether rows of a table go with those of another one that they can't do without."""
    needed = [key.column.table.name for column in table.columns if not column.nullable for key in column.foreign_keys]
    return any(name in with_these for name in needed)


def test_every_table_has_a_rule_of_retention_or_a_reason_for_none():
    covered = ruled()
    covered |= {table.name for table in Base.metadata.sorted_tables if goes_along(table, covered)}
    names = set(Base.metadata.tables)
    assert sorted(names - covered - set(KEPT)) == []


def test_no_reason_is_given_for_what_has_a_rule_or_is_no_table():
    assert sorted(set(KEPT) & ruled()) == []
    assert sorted(set(KEPT) - set(Base.metadata.tables)) == []
    assert all(len(reason) > 10 for reason in KEPT.values())


def test_every_kind_of_data_has_its_rule_in_the_shipped_file():
    assert {rule.what for rule in retention.read_rules(Settings())} == set(retention.CONDITIONS)


def test_the_schema_of_corrections_is_not_filled_before_its_retention_is_decided():
    """No slice writes there yet; the one that does brings its rule (the law sets no time: configuration)."""
    assert set(corrections.POLICIES) == {"person", "supervision"}
