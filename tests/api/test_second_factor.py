"""The second factor: who needs one, what it takes, and that each code is good once."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import delete, insert, select, update

from services import access
from services.access import factors
from services.db.engine import reading, writing
from services.db.tables.access import AccountRole, Login, SecondFactor
from tests.builders import people
from tests.conftest import PASSWORD


async def knock(page, who):
    answer = await page.post("/login", json={"username": who.username, "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()["next"]


@pytest.fixture
async def enrolled(engine, application, mandate):
    """An administrator with a second factor, and its secret."""
    who = await mandate("security_admin")
    return who, await people.enrol(engine, application.state.keys, who.username, datetime.now(UTC))


@pytest.mark.parametrize(
    "role",
    ["investigator", "approver", "corrections_officer", "county_justice_head", "system_admin", "security_admin"],
)
async def test_these_roles_can_do_nothing_before_they_have_enrolled(anonymous, mandate, role):
    assert await knock(anonymous, await mandate(role)) == "enrol"
    for path in ("/me", "/sessions", "/accounts", "/units", "/calls", "/stream"):
        assert (await anonymous.get(path)).status_code == 401
    assert (await anonymous.post("/factor/verify", json={"code": "000000"})).status_code == 403


async def test_a_dispatcher_needs_none_and_may_have_one(anonymous, mandate):
    who = await mandate("dispatcher")
    assert await knock(anonymous, who) is None
    assert (await anonymous.get("/factor")).json() == {"required": False, "enrolled": False, "recovery_codes_left": 0}
    assert (await anonymous.post("/factor/enrol", json={"password": "wrong"})).status_code == 403
    made = (await anonymous.post("/factor/enrol", json={"password": PASSWORD})).json()
    code = pyotp.parse_uri(made["uri"]).now()
    assert (await anonymous.post("/factor/confirm", json={"code": code})).status_code == 200
    assert await knock(anonymous, who) == "verify"


async def test_enrolling_opens_the_session_with_a_new_token_and_gives_recovery_codes(anonymous, mandate):
    who = await mandate("system_admin")
    await knock(anonymous, who)
    before = anonymous.cookies["tianshu"]
    made = (await anonymous.post("/factor/enrol", json={})).json()
    assert made["uri"].startswith(f"otpauth://totp/Tianshu:{who.username}?secret={made['secret']}")
    assert made["svg"].startswith("<svg")
    assert (await anonymous.post("/factor/confirm", json={"code": "000000"})).status_code == 403
    answer = await anonymous.post("/factor/confirm", json={"code": pyotp.TOTP(made["secret"]).now()})
    assert len(set(answer.json()["recovery_codes"])) == 10
    assert anonymous.cookies["tianshu"] != before
    assert (await anonymous.get("/me")).json()["username"] == who.username
    anonymous.cookies.set("tianshu", before)
    assert (await anonymous.get("/me", headers={"Cookie": f"tianshu={before}"})).status_code == 401


async def test_a_session_that_has_to_show_a_factor_can_not_enrol_another(anonymous, enrolled):
    who, _ = enrolled
    assert await knock(anonymous, who) == "verify"
    assert (await anonymous.post("/factor/enrol", json={"password": PASSWORD})).status_code == 401
    assert (await anonymous.post("/password", json={"current": PASSWORD, "new": "x" * 20})).status_code == 401


async def test_a_code_is_good_once(anonymous, enrolled):
    who, secret = enrolled
    await knock(anonymous, who)
    code = pyotp.TOTP(secret).now()
    assert (await anonymous.post("/factor/verify", json={"code": code})).json() == {"next": None}
    await knock(anonymous, who)
    answer = await anonymous.post("/factor/verify", json={"code": code})
    assert answer.status_code == 403
    assert "used before" in answer.json()["detail"]


async def test_a_recovery_code_is_good_once(anonymous, mandate):
    who = await mandate("system_admin")
    await knock(anonymous, who)
    made = (await anonymous.post("/factor/enrol", json={})).json()
    code = {"code": pyotp.TOTP(made["secret"]).now()}
    codes = (await anonymous.post("/factor/confirm", json=code)).json()["recovery_codes"]
    for expected in (200, 403):
        await knock(anonymous, who)
        assert (await anonymous.post("/factor/verify", json={"code": codes[0].lower()})).status_code == expected
    await knock(anonymous, who)
    await anonymous.post("/factor/verify", json={"code": codes[1]})
    assert (await anonymous.get("/factor")).json()["recovery_codes_left"] == 8


async def test_five_wrong_codes_lock_although_the_password_is_right_each_time(anonymous, enrolled):
    who, _ = enrolled
    for _ in range(5):
        await knock(anonymous, who)
        assert (await anonymous.post("/factor/verify", json={"code": "123123"})).status_code == 403
    answer = await anonymous.post("/login", json={"username": who.username, "password": PASSWORD})
    assert "locked" in answer.json()["detail"]


async def test_a_code_is_taken_one_step_early_or_late_and_no_further(engine, application, enrolled):
    who, secret = enrolled
    keys, now = application.state.keys, datetime.now(UTC) + timedelta(hours=1)
    for steps, good in ((-2, False), (2, False), (-1, True), (0, True), (1, True)):
        code = pyotp.TOTP(secret).at(now, counter_offset=steps)
        async with writing(engine) as db:
            assert await factors.accepts(db, keys, who.account_id, code, now) is good


async def test_the_code_of_the_standard_is_computed_as_it_says(engine, application, mandate):
    """RFC 6238, appendix B: at 59 s the SHA-1 secret "12345678901234567890" shows 94287082 (six digits: 287082)."""
    who = await mandate("dispatcher")
    box = application.state.keys.close("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    async with writing(engine) as db:
        await db.execute(insert(SecondFactor).values(account_id=who.account_id, secret_box=box))
        at = datetime.fromtimestamp(59, UTC)
        assert await factors.accepts(db, application.state.keys, who.account_id, "287082", at)


async def test_the_secret_lies_closed_in_the_database(engine, enrolled):
    _, secret = enrolled
    async with reading(engine) as db:
        factor = (await db.execute(select(SecondFactor))).scalar_one()
    assert secret.encode() not in factor.secret_box


async def test_a_role_that_is_given_asks_for_a_factor_from_the_next_request_on(anonymous, engine, mandate):
    who = await mandate("patrol_officer")
    await knock(anonymous, who)
    assert (await anonymous.get("/me")).status_code == 200
    async with writing(engine) as db:
        await db.execute(insert(AccountRole).values(account_id=who.account_id, role="investigator"))
    answer = await anonymous.get("/me")
    assert answer.status_code == 401
    assert "second factor" in answer.json()["detail"]


async def test_a_machine_shows_name_password_and_code_at_once(anonymous, enrolled):
    who, secret = enrolled
    login = {"username": who.username, "password": PASSWORD}
    answer = await anonymous.post("/tokens", json=login)
    assert answer.status_code == 403
    assert "second factor" in answer.json()["detail"]
    answer = await anonymous.post("/tokens", json=login | {"code": pyotp.TOTP(secret).now()})
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert (await anonymous.get("/accounts", headers=bearer)).status_code == 200


async def test_a_cookie_is_no_bearer_token_and_a_bearer_token_no_cookie(anonymous, mandate):
    who = await mandate("dispatcher")
    await knock(anonymous, who)
    cookie = anonymous.cookies["tianshu"]
    anonymous.cookies.clear()
    assert (await anonymous.get("/me", headers={"Authorization": f"Bearer {cookie}"})).status_code == 401
    login = {"username": who.username, "password": PASSWORD}
    token = (await anonymous.post("/tokens", json=login)).json()["token"]
    assert (await anonymous.get("/me", headers={"Cookie": f"tianshu={token}"})).status_code == 401
    assert (await anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def age(engine, **moments: datetime) -> None:
    async with writing(engine) as db:
        await db.execute(update(Login).values(**moments))


async def test_a_session_idles_out_after_half_an_hour_and_ends_after_twelve(anonymous, engine, mandate):
    now = datetime.now(UTC)
    who = await mandate("dispatcher")
    await knock(anonymous, who)
    await age(engine, seen_at=now - timedelta(minutes=29))
    assert (await anonymous.get("/me")).status_code == 200
    await age(engine, seen_at=now - timedelta(minutes=31))
    assert (await anonymous.get("/me")).status_code == 401
    await knock(anonymous, who)
    await age(engine, created_at=now - timedelta(hours=12))
    assert (await anonymous.get("/me")).status_code == 401


async def test_the_wall_never_idles_but_ends_too(anonymous, engine, mandate):
    now = datetime.now(UTC)
    await knock(anonymous, await mandate("wall"))
    await age(engine, seen_at=now - timedelta(days=3), created_at=now - timedelta(days=3))
    acts = set((await anonymous.get("/me")).json()["acts"])
    looks = {"view_live", "view_calls", "view_alerts", "view_areas", "view_roads", "view_patrols"}
    assert acts == looks | {"keep_desk", "manage_own_sessions"}
    await age(engine, created_at=now - timedelta(days=7))
    assert (await anonymous.get("/me")).status_code == 401


async def test_a_machine_token_ends_after_an_hour_however_much_it_is_used(client, engine):
    desk = await client("dispatcher")
    await age(engine, created_at=datetime.now(UTC) - timedelta(minutes=60))
    assert (await desk.get("/me")).status_code == 401


async def test_sessions_that_are_over_are_deleted_and_others_stay(anonymous, engine, mandate, settings):
    now = datetime.now(UTC)
    await knock(anonymous, await mandate("dispatcher"))
    await knock(anonymous, await mandate("wall"))
    await age(engine, seen_at=now - timedelta(minutes=31))
    async with writing(engine) as db:
        assert await access.expire_logins(db, settings, now) == 1
        assert await access.expire_logins(db, settings, now + timedelta(days=8)) == 1


async def test_one_s_sessions_are_listed_and_ended_and_nobody_else_s(anonymous, client, mandate, engine):
    who = await mandate("dispatcher")
    login = {"username": who.username, "password": PASSWORD}
    other = (await anonymous.post("/tokens", json=login, headers={"User-Agent": "another machine"})).json()["token"]
    await knock(anonymous, who)
    listed = (await anonymous.get("/sessions")).json()
    assert [(one["kind"], one["current"]) for one in listed] == [("page", True), ("machine", False)]
    assert listed[1]["device"] == "another machine"
    stranger = await client("dispatcher")
    assert (await stranger.delete(f"/sessions/{listed[1]['id']}")).status_code == 404
    assert (await anonymous.delete(f"/sessions/{listed[1]['id']}")).status_code == 204
    assert (await anonymous.get("/me", headers={"Authorization": f"Bearer {other}"})).status_code == 401
    assert (await anonymous.delete("/sessions")).status_code == 204
    assert (await anonymous.get("/me")).status_code == 401
    assert (await stranger.get("/me")).status_code == 200


async def test_changing_the_password_ends_the_other_sessions_and_the_old_password(anonymous, mandate):
    who = await mandate("dispatcher")
    login = {"username": who.username, "password": PASSWORD}
    token = (await anonymous.post("/tokens", json=login)).json()["token"]
    await knock(anonymous, who)
    change = {"current": PASSWORD, "new": "another long enough one"}
    assert (await anonymous.post("/password", json=change | {"current": "wrong"})).status_code == 403
    assert (await anonymous.post("/password", json=change | {"new": "passwordpassword"})).status_code == 422
    assert (await anonymous.post("/password", json=change)).status_code == 204
    assert (await anonymous.get("/me")).status_code == 200
    assert (await anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    assert (await anonymous.post("/tokens", json=login)).status_code == 403


async def test_an_account_whose_role_was_taken_is_refused_at_the_next_request(client, engine):
    desk = await client("dispatcher", "patrol_officer")
    assert (await desk.post("/calls", json={})).status_code == 422
    async with writing(engine) as db:
        await db.execute(delete(AccountRole).where(AccountRole.role == "dispatcher"))
    call = {"kind": "help", "priority": 3, "lon_deg": 113.1, "lat_deg": 27.8}
    assert (await desk.post("/calls", json=call)).status_code == 403
