"""Signing in, and being refused."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services import access
from services.db.engine import reading, writing
from services.db.tables.audit import AuditEntry
from tests.conftest import PASSWORD


async def test_a_right_password_opens_a_session_and_me_says_who(anonymous, mandate):
    who = await mandate("dispatcher")
    answer = await anonymous.post("/login", json={"username": who.username, "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (200, {"next": None})
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    me = (await anonymous.get("/me")).json()
    assert me["roles"] == ["dispatcher"]
    assert "dispatch" in me["acts"]
    assert (await anonymous.post("/logout")).status_code == 204
    assert (await anonymous.get("/me")).status_code == 401


async def test_the_fifth_wrong_password_locks_the_account_even_for_the_right_one(anonymous, mandate):
    who = await mandate("dispatcher")
    for _ in range(5):
        answer = await anonymous.post("/login", json={"username": who.username, "password": "wrong"})
        assert answer.status_code == 403
        assert answer.json()["detail"] == "Name or password is wrong."
    answer = await anonymous.post("/login", json={"username": who.username, "password": PASSWORD})
    assert answer.status_code == 403
    assert "locked" in answer.json()["detail"]


async def test_an_unknown_name_gets_the_same_sentence(anonymous):
    answer = await anonymous.post("/login", json={"username": "nobody", "password": "x"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Name or password is wrong."


async def test_another_site_can_not_act_through_the_cookie(anonymous, mandate):
    who = await mandate("dispatcher")
    await anonymous.post("/login", json={"username": who.username, "password": PASSWORD})
    answer = await anonymous.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    answer = await anonymous.post("/logout", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (await anonymous.get("/me")).status_code == 200


async def test_a_refused_grant_is_recorded_although_it_raises(engine, mandate):
    who = await mandate("auditor")
    with pytest.raises(access.RoleRefusedError, match="dispatcher"):
        await access.grant(who, access.Act.DISPATCH, "call:1")
    async with reading(engine) as db:
        row = (await db.execute(select(AuditEntry))).scalar_one()
    assert (row.act, row.target, row.outcome, row.account_id) == ("dispatch", "call:1", "refused", who.account_id)


async def test_the_audit_trail_can_not_be_edited(engine, mandate):
    await access.grant(await mandate("dispatcher"), access.Act.DISPATCH, "call:1")
    for statement in ("UPDATE audit SET target = 'call:9'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with writing(engine) as db:
                await db.execute(text(statement))


async def test_administration_audit_and_security_never_meet_in_one_person(mandate):
    with pytest.raises(Exception, match="never meet"):
        await mandate("system_admin", "auditor")


async def test_health_and_readiness_are_open_and_nothing_else_is(anonymous):
    assert (await anonymous.get("/health")).json() == {"status": "alive"}
    assert (await anonymous.get("/ready")).json() == {"status": "ready"}
    assert (await anonymous.get("/metrics")).status_code == 401
