"""Authorisations of cases: proposed, approved by another, and the gate they are for."""

import random
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from shapely import Point, box
from sqlalchemy import delete, select, text

from geo.fix import Fix
from services import tracks
from services.db.engine import reading, writing
from services.db.tables.access import AccountRole
from services.db.tables.audit import AuditEntry

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST = NOW - timedelta(hours=60)
CASE = "株公（刑）立字〔2026〕12号"
HEADER = {"Tianshu-Case": quote(CASE)}


@pytest.fixture
async def units(client, engine) -> list[int]:
    """Two units that drive east for fifty hours, a fix every ten minutes."""
    admin = await client("system_admin")
    numbers = []
    for number in (1, 2):
        device = (await admin.post("/devices", json={"phone": f"1380000000{number}"})).json()["id"]
        body = {"call_sign": f"巡 0{number}", "kind": "car", "device_id": device, "device_since": FIRST.isoformat()}
        numbers.append((await admin.post("/units", json=body)).json()["id"])
        fixes = [
            Fix(device, FIRST + timedelta(minutes=10 * step), 113.0 + step * 0.002, 27.8, number * 1000 + step)
            for step in range(300)
        ]
        await tracks.store_many(engine, fixes)
    return numbers


def proposal(unit_id: int, **more) -> dict:
    return {
        "case_no": CASE, "instrument": "株公调证字〔2026〕7号", "issuing_unit": "株洲市公安局", "issuing_level": "city",
        "purpose": "盗窃案", "subjects": [f"unit:{unit_id}"], "window_start": (FIRST + timedelta(hours=10)).isoformat(),
        "window_end": (FIRST + timedelta(hours=40)).isoformat(), "expires_at": (NOW + timedelta(days=7)).isoformat(),
    } | more  # fmt: skip


async def ask(door, unit_id: int, start: datetime, end: datetime, headers=HEADER):
    span = {"start": start.isoformat(), "end": end.isoformat()}
    return await door.get(f"/units/{unit_id}/track", params=span, headers=headers)


@pytest.fixture
async def investigator(client):
    return await client("investigator")


@pytest.fixture
async def approver(client):
    return await client("approver")


async def settled(investigator, approver, body) -> int:
    made = await investigator.post("/authorisations", json=body)
    assert made.status_code == 201, made.text
    assert (await approver.post(f"/authorisations/{made.json()['id']}/approve")).status_code == 200
    return made.json()["id"]


async def test_an_investigator_sees_a_track_only_after_somebody_else_approved(units, investigator, approver):
    span = FIRST + timedelta(hours=12), FIRST + timedelta(hours=36)
    assert "Name the case" in (await ask(investigator, units[0], *span, {})).json()["detail"]
    assert "no authorisation" in (await ask(investigator, units[0], *span)).json()["detail"]
    made = (await investigator.post("/authorisations", json=proposal(units[0]))).json()
    assert (made["state"], made["own"]) == ("proposed", True)
    answer = await ask(investigator, units[0], *span)
    assert answer.status_code == 403
    assert "not approved" in answer.json()["detail"]
    assert (await approver.post(f"/authorisations/{made['id']}/approve")).json()["state"] == "approved"
    answer = await ask(investigator, units[0], *span)
    assert answer.status_code == 200
    assert len(answer.json()["rows"]) == 24 * 6


async def test_a_query_outside_is_refused_with_the_limit_it_breaks(units, investigator, approver):
    await settled(investigator, approver, proposal(units[0]))
    inside = FIRST + timedelta(hours=12), FIRST + timedelta(hours=36)
    assert "subject" in (await ask(investigator, units[1], *inside)).json()["detail"]
    early = await ask(investigator, units[0], FIRST + timedelta(hours=9), inside[1])
    late = await ask(investigator, units[0], inside[0], FIRST + timedelta(hours=41))
    for answer in (early, late):
        assert answer.status_code == 403
        assert "time leaves the authorised window" in answer.json()["detail"]


async def test_a_refusal_stands_in_the_trail_with_the_case(engine, units, investigator, approver):
    await settled(investigator, approver, proposal(units[0]))
    await ask(investigator, units[1], FIRST, FIRST + timedelta(hours=1))
    async with reading(engine) as db:
        found = select(AuditEntry).where(AuditEntry.act == "view_track", AuditEntry.outcome == "refused")
        row = (await db.execute(found)).scalar_one()
    assert (row.case_no, row.purpose) == (CASE, "investigation")
    assert "subject" in row.target


async def test_an_expired_or_revoked_authorisation_permits_nothing(engine, units, investigator, approver):
    number = await settled(investigator, approver, proposal(units[0]))
    inside = FIRST + timedelta(hours=12), FIRST + timedelta(hours=36)
    async with writing(engine) as db:
        await db.execute(text("UPDATE authorisation SET expires_at = now() - interval '1 second'"))
    assert "expired" in (await ask(investigator, units[0], *inside)).json()["detail"]
    assert (await approver.post(f"/authorisations/{number}/revoke")).json()["state"] == "revoked"
    assert "revoked" in (await ask(investigator, units[0], *inside)).json()["detail"]
    assert (await approver.post(f"/authorisations/{number}/revoke")).status_code == 409


async def test_when_the_approver_loses_the_role_the_authorisation_stops_at_once(engine, units, investigator, approver):
    await settled(investigator, approver, proposal(units[0]))
    inside = FIRST + timedelta(hours=12), FIRST + timedelta(hours=36)
    assert (await ask(investigator, units[0], *inside)).status_code == 200
    async with writing(engine) as db:
        await db.execute(delete(AccountRole).where(AccountRole.role == "approver"))
    assert "no longer holds" in (await ask(investigator, units[0], *inside)).json()["detail"]


async def test_nobody_approves_his_own_proposal_not_even_behind_the_service(engine, client, units):
    both = await client("investigator", "approver")
    made = (await both.post("/authorisations", json=proposal(units[0]))).json()
    answer = await both.post(f"/authorisations/{made['id']}/approve")
    assert answer.status_code == 403
    assert "proposed himself" in answer.json()["detail"]
    with pytest.raises(Exception, match="second_person"):
        async with writing(engine) as db:
            await db.execute(text("UPDATE authorisation SET approved_by = proposed_by, state = 'approved'"))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"subjects": []}, "subjects, or an area"),
        ({"window_end": (FIRST - timedelta(days=1)).isoformat()}, "ends before"),
        ({"window_end": (NOW + timedelta(days=1)).isoformat()}, "follow nobody live"),
        ({"expires_at": (NOW + timedelta(days=400)).isoformat()}, "expires"),
        ({"subjects": ["everybody"]}, "subjects"),
        ({"sources": ["calls"]}, "sources"),
        ({"area": {"type": "Point", "coordinates": [113, 28]}}, "Polygon"),
    ],
)
async def test_what_is_no_limit_can_not_be_proposed(investigator, more, sentence):
    answer = await investigator.post("/authorisations", json=proposal(1, **more))
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


async def test_what_comes_back_is_cut_to_the_area(units, investigator, approver):
    area = box(113.15, 27.7, 113.25, 27.9).__geo_interface__
    await settled(investigator, approver, proposal(units[0], area=area))
    answer = await ask(investigator, units[0], FIRST + timedelta(hours=10), FIRST + timedelta(hours=40))
    lons = [row[1] for row in answer.json()["rows"]]
    assert len(lons) == 51
    assert min(lons) >= 113.15
    assert max(lons) <= 113.25


async def test_a_dispatcher_replays_a_day_on_duty_and_no_more(client, units):
    desk = await client("dispatcher")
    assert (await ask(desk, units[0], FIRST, FIRST + timedelta(hours=24), {})).status_code == 200
    answer = await ask(desk, units[0], FIRST, FIRST + timedelta(hours=24, seconds=1), {})
    assert answer.status_code == 403
    assert "24 hours" in answer.json()["detail"]
    assert (await ask(desk, units[0], FIRST, FIRST + timedelta(hours=1))).status_code == 403


async def test_whatever_is_asked_nothing_outside_the_authorisation_comes_back(units, investigator, approver):
    dice = random.Random(20261121)  # noqa: S311 -- seeded on purpose
    area = box(113.1, 27.7, 113.3, 27.9)
    await settled(investigator, approver, proposal(units[0], area=area.__geo_interface__))
    start, end = FIRST + timedelta(hours=10), FIRST + timedelta(hours=40)
    answered = 0
    for _ in range(80):
        first, last = sorted(FIRST + timedelta(minutes=dice.randrange(-60, 3300)) for _ in range(2))
        if dice.random() < 0.5:
            first, last = sorted(start + timedelta(minutes=dice.randrange(1801)) for _ in range(2))
        unit_id = dice.choice(units)
        answer = await ask(investigator, unit_id, first, last)
        assert answer.status_code in {200, 403, 422}
        if answer.status_code == 200:
            answered += 1
            assert unit_id == units[0]
            for at, lon, lat, *_ in answer.json()["rows"]:
                assert start.timestamp() <= at < end.timestamp()
                assert area.covers(Point(lon, lat))
    assert answered > 10


async def test_cases_are_listed_in_pages_to_those_who_work_on_them(client, investigator, approver):
    for _ in range(3):
        await investigator.post("/authorisations", json=proposal(1))
    page = (await approver.get("/authorisations", params={"limit": 2})).json()
    rest = (await approver.get("/authorisations", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == [3, 2, 1]
    assert not any(one["own"] for one in page["items"])
    desk = await client("dispatcher")
    assert (await desk.get("/authorisations")).status_code == 403
