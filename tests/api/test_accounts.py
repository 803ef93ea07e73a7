"""The administration of accounts: what the security administrator does, and what nobody may."""

import asyncio

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from services import access
from services.db.engine import reading, writing
from services.db.tables.access import AccountRole
from services.db.tables.retention import Destruction
from tests.conftest import PASSWORD


@pytest.fixture
async def security(client):
    return await client("security_admin")


async def test_a_new_account_changes_its_first_password_before_anything_else(security, anonymous):
    body = {"username": "li.na", "display_name": "李娜", "roles": ["dispatcher"]}
    made = (await security.post("/accounts", json=body)).json()
    login = {"username": "li.na", "password": made["password"]}
    assert (await anonymous.post("/login", json=login)).json() == {"next": "renew"}
    assert (await anonymous.get("/me")).status_code == 401
    change = {"current": made["password"], "new": "words only she knows"}
    assert (await anonymous.post("/password", json=change)).status_code == 204
    assert (await anonymous.get("/me")).json()["display_name"] == "李娜"
    listed = {one["username"]: one for one in (await security.get("/accounts")).json()["items"]}
    assert listed["li.na"]["roles"] == ["dispatcher"]
    assert listed["li.na"]["sessions"] == 1
    assert (await security.post("/accounts", json=body)).status_code == 409


@pytest.mark.parametrize("pair", [sorted(pair) for pair in access.SEPARATED])
async def test_roles_that_never_meet_are_refused_with_the_reason(security, mandate, pair):
    body = {"username": "both", "display_name": "Both", "roles": pair}
    answer = await security.post("/accounts", json=body)
    assert answer.status_code == 422
    assert "never meet in one person" in answer.json()["detail"]
    who = await mandate(pair[0])
    answer = await security.put(f"/accounts/{who.account_id}/roles/{pair[1]}")
    assert answer.status_code == 422
    assert "three people" in answer.json()["detail"]


@pytest.mark.parametrize("pair", [sorted(pair) for pair in access.SEPARATED])
async def test_the_database_refuses_them_too(engine, mandate, pair):
    who = await mandate(pair[0])
    with pytest.raises(IntegrityError, match="never meet"):
        async with writing(engine) as db:
            await db.execute(insert(AccountRole).values(account_id=who.account_id, role=pair[1]))


async def test_the_database_refuses_them_also_when_both_come_at_once(engine, mandate):
    who = await mandate("dispatcher")

    async def give(role: str) -> bool:
        try:
            async with writing(engine) as db:
                await db.execute(insert(AccountRole).values(account_id=who.account_id, role=role))
        except IntegrityError:
            return False
        return True

    assert sorted(await asyncio.gather(give("auditor"), give("system_admin"))) == [False, True]


async def test_two_grants_at_once_of_roles_that_never_meet_are_one_grant_and_one_refusal(security, mandate):
    who = await mandate("dispatcher")
    paths = [f"/accounts/{who.account_id}/roles/{role}" for role in ("auditor", "system_admin", "security_admin")]
    answers = await asyncio.gather(*(security.put(path) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422]


async def test_the_last_two_roles_can_not_both_be_taken_at_once(security, mandate):
    who = await mandate("dispatcher", "patrol_officer")
    paths = [f"/accounts/{who.account_id}/roles/{role}" for role in ("dispatcher", "patrol_officer")]
    answers = await asyncio.gather(*(security.delete(path) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_of_two_accounts_of_one_name_made_at_once_one_is_made_and_the_other_told(security):
    body = {"username": "li.na", "display_name": "李娜", "roles": ["dispatcher"]}
    answers = await asyncio.gather(*(security.post("/accounts", json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_a_role_is_given_and_taken_and_counts_at_once(security, client, mandate):
    listed = {one["username"]: one["id"] for one in (await security.get("/accounts")).json()["items"]}
    desk = await client("patrol_officer")
    name = (await desk.get("/me")).json()["username"]
    listed = {one["username"]: one["id"] for one in (await security.get("/accounts")).json()["items"]}
    assert "take_call" not in (await desk.get("/me")).json()["acts"]
    assert (await security.put(f"/accounts/{listed[name]}/roles/dispatcher")).status_code == 204
    assert "take_call" in (await desk.get("/me")).json()["acts"]
    assert (await security.delete(f"/accounts/{listed[name]}/roles/dispatcher")).status_code == 204
    assert "take_call" not in (await desk.get("/me")).json()["acts"]
    assert (await security.delete(f"/accounts/{listed[name]}/roles/patrol_officer")).status_code == 409


async def test_nobody_decides_on_his_own_access(security):
    own = (await security.get("/accounts")).json()["items"][0]["id"]
    for method, path in (
        ("PUT", "roles/dispatcher"), ("DELETE", "roles/security_admin"), ("POST", "lock"), ("POST", "unlock"),
        ("DELETE", "factor"), ("POST", "password"),
    ):  # fmt: skip
        answer = await security.request(method, f"/accounts/{own}/{path}")
        assert answer.status_code == 403, path
        assert "his own access" in answer.json()["detail"]
    link = {"issuer": "https://id.example", "subject": "me"}
    assert (await security.post(f"/accounts/{own}/identities", json=link)).status_code == 403


async def test_a_shut_account_is_out_at_once_and_in_again_when_opened(security, anonymous, mandate):
    who = await mandate("dispatcher")
    login = {"username": who.username, "password": PASSWORD}
    await anonymous.post("/login", json=login)
    assert (await security.post(f"/accounts/{who.account_id}/lock")).status_code == 204
    assert (await anonymous.get("/me")).status_code == 401
    assert (await anonymous.post("/login", json=login)).status_code == 403
    assert (await security.post(f"/accounts/{who.account_id}/unlock")).status_code == 204
    assert (await anonymous.post("/login", json=login)).status_code == 200


async def test_a_lost_factor_is_reset_and_enrolled_anew(security, client, anonymous):
    admin = await client("system_admin")
    name = (await admin.get("/me")).json()["username"]
    number = next(one["id"] for one in (await security.get("/accounts")).json()["items"] if one["username"] == name)
    assert (await security.get(f"/accounts/{number}")).json()["has_factor"] is True
    assert (await security.delete(f"/accounts/{number}/factor")).status_code == 204
    assert (await admin.get("/me")).status_code == 401
    assert (await anonymous.post("/login", json={"username": name, "password": PASSWORD})).json() == {"next": "enrol"}


async def test_a_reset_password_is_told_once_and_must_be_changed(security, anonymous, mandate):
    who = await mandate("dispatcher")
    made = (await security.post(f"/accounts/{who.account_id}/password")).json()["password"]
    old = {"username": who.username, "password": PASSWORD}
    assert (await anonymous.post("/login", json=old)).status_code == 403
    assert (await anonymous.post("/login", json=old | {"password": made})).json() == {"next": "renew"}


async def test_sessions_of_others_are_ended_by_the_security_administrator(security, client):
    desk = await client("dispatcher")
    name = (await desk.get("/me")).json()["username"]
    number = next(one["id"] for one in (await security.get("/accounts")).json()["items"] if one["username"] == name)
    assert (await security.delete(f"/accounts/{number}/sessions")).status_code == 204
    assert (await desk.get("/me")).status_code == 401


async def test_a_name_of_a_provider_belongs_to_one_account(security, mandate):
    one, other = await mandate("dispatcher"), await mandate("dispatcher")
    link = {"issuer": "https://id.example", "subject": "4711"}
    assert (await security.post(f"/accounts/{one.account_id}/identities", json=link)).status_code == 204
    assert (await security.post(f"/accounts/{other.account_id}/identities", json=link)).status_code == 409
    assert (await security.get(f"/accounts/{one.account_id}")).json()["identities"] == [link]
    gone = await security.delete(f"/accounts/{one.account_id}/identities", params={"issuer": link["issuer"]})
    assert gone.status_code == 204
    assert (await security.get(f"/accounts/{one.account_id}")).json()["identities"] == []


@pytest.mark.parametrize("role", sorted(set(access.Role) - {access.Role.SECURITY_ADMIN}))
async def test_no_other_role_manages_accounts(client, role):
    other = await client(role)
    body = {"username": "x1", "display_name": "x", "roles": ["dispatcher"]}
    assert (await other.post("/accounts", json=body)).status_code == 403


async def test_a_purpose_that_is_not_one_s_own_is_refused(client):
    desk = await client("dispatcher")
    answer = await desk.get("/me", headers={"Tianshu-Purpose": "corrections"})
    assert answer.status_code == 403
    assert "duty" in answer.json()["detail"]


async def test_a_persons_data_is_listed_corrected_and_deleted_and_what_was_done_stays(security, client, engine):
    desk = await client("dispatcher")
    name = (await desk.get("/me")).json()["username"]
    await desk.get("/units")
    number = next(one["id"] for one in (await security.get("/accounts")).json()["items"] if one["username"] == name)
    kept = (await security.get(f"/accounts/{number}/data")).json()
    assert (kept["username"], kept["roles"], len(kept["sessions"])) == (name, ["dispatcher"], 1)
    assert kept["done"]["audit"] >= 2
    assert (await security.put(f"/accounts/{number}/data", json={"display_name": "李娜"})).status_code == 204
    assert (await security.get(f"/accounts/{number}/data")).json()["display_name"] == "李娜"
    gone = await security.delete(f"/accounts/{number}/data")
    assert gone.status_code == 200, gone.text
    assert gone.json()["kept"]["audit"] == kept["done"]["audit"]
    assert (await desk.get("/me")).status_code == 401
    assert (await security.get(f"/accounts/{number}/data")).status_code == 404
    async with reading(engine) as db:
        assert (await db.execute(select(Destruction.what, Destruction.basis))).one()[0] == f"subject:{number}"


async def test_nobody_decides_on_his_own_data_and_nobody_else_on_anybodys(security, client):
    own = next(one for one in (await security.get("/accounts")).json()["items"] if "security_admin" in one["roles"])
    path = f"/accounts/{own['id']}/data"
    assert (await security.delete(path)).status_code == 403
    assert (await security.put(path, json={"display_name": "x"})).status_code == 403
    assert (await security.get(path)).status_code == 200
    for role in ("system_admin", "auditor", "dispatcher"):
        assert (await (await client(role)).get(path)).status_code == 403, role
