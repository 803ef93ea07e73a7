"""The auditor's view: search, sums, what stands out, the weekly review."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, status
from pydantic import AwareDatetime, Field

from api import deps
from api.problems import Told
from api.schemas import Model, Page
from services import oversight

router = APIRouter(prefix="/audit", tags=["audit"])

Subject = Annotated[str, Path(pattern=r"^[a-z_]+:[0-9]{1,18}$", description="Such as unit:5, call:7, account:2")]
Cursor = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=oversight.MAX_PAGE)]
Text = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]


class EntryOut(Model):
    """An entry of the trail; `rows` tells of one with the outcome `seen` how much was handed out."""

    id: int
    at: datetime
    account_id: int | None
    username: str | None
    act: str
    target: str
    subject: str | None
    purpose: str
    case_no: str | None
    outcome: str
    rows: int | None
    remote: str | None


class OfficerOut(Model):
    """What an officer did; `night_looks` are those from 22 to 6 o'clock, Beijing time."""

    account_id: int | None
    username: str | None
    display_name: str | None
    looks: int
    night_looks: int
    refused: int
    subjects: int
    rows: int
    first_at: datetime
    last_at: datetime


class SubjectOut(Model):
    """How an officer looked at a subject."""

    account_id: int | None
    username: str | None
    looks: int
    refused: int
    rows: int
    purposes: list[str]
    case_nos: list[str]
    first_at: datetime
    last_at: datetime


class UnusualOut(Model):
    """Something that stands out: `volume` (looks of a day, own median), `hours` (looks by night, nights before),
    `acquaintance` (looks at somebody known), `subjects` (in an hour, limit)."""  # noqa: D205, D209

    kind: Literal["volume", "hours", "acquaintance", "subjects"]
    account_id: int
    username: str | None
    day: date
    value: float
    usual: float | None
    subject: str | None


class ReviewIn(Model):
    """A review to sign: the Monday of the week, what was found, and the password again."""

    week: date
    statement: str = Field(min_length=1, max_length=4000)
    password: str = Field(min_length=1, max_length=200)


class ReviewOut(Model):
    """A signed review of a week."""

    id: int
    week: date
    account_id: int
    username: str | None
    at: datetime
    statement: str
    entries: int
    findings: int
    last_hash: str | None
    digest: str


class FindingOut(Model):
    """Something that is not as it was written."""

    kind: str
    where: str
    sentence: str
    told: Told | None = None


class CheckOut(Model):
    """A check of the whole trail; `username` null: the nightly one."""

    at: datetime
    username: str | None
    entries: int
    hours: int
    seals: int
    findings: list[FindingOut]


class SealsOut(Model):
    """How many hours are sealed, the newest with its Merkle root (hex), and the last check."""

    hours: int
    newest_hour: datetime | None
    sealed_until: datetime | None
    root: str | None
    key: str | None
    last_check: CheckOut | None


@router.get("/entries")
async def search_entries(
    *,
    who: deps.Who,
    db: deps.ReadDb,
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    account_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    act: Text = None,
    subject: Text = None,
    outcome: Literal["allowed", "refused", "seen"] | None = None,
    case_no: Text = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[EntryOut]:
    """Entries of the trail, newest first."""
    wanted = oversight.Wanted(start, end, account_id, act, subject, outcome, case_no)
    found = await oversight.search(who, db, wanted, below_id=cursor, limit=limit)
    return Page[EntryOut].of(found, limit)


@router.get("/officers")
async def summarise_officers(
    who: deps.Who, db: deps.ReadDb, start: AwareDatetime, end: AwareDatetime
) -> list[OfficerOut]:
    """What each officer did in a time, who looked most first."""
    found = await oversight.summarise_officers(who, db, start=start, end=end)
    return [OfficerOut.model_validate(one) for one in found]


@router.get("/subjects/{subject}")
async def summarise_subject(
    who: deps.Who, db: deps.ReadDb, subject: Subject, start: AwareDatetime, end: AwareDatetime
) -> list[SubjectOut]:
    """Who looked at a subject in a time."""
    found = await oversight.summarise_subject(who, db, subject, start=start, end=end)
    return [SubjectOut.model_validate(one) for one in found]


@router.get("/unusual")
async def find_unusual(
    who: deps.Who, db: deps.ReadDb, settings: deps.Config, start: AwareDatetime, end: AwareDatetime
) -> list[UnusualOut]:
    """What stands out in a time: something to ask about, not yet something wrong."""
    found = await oversight.find_unusual(who, db, settings, start=start, end=end)
    return [UnusualOut.model_validate(one) for one in found]


@router.get("/reviews")
async def list_reviews(who: deps.Who, db: deps.ReadDb, cursor: Cursor = None, limit: Limit = 50) -> Page[ReviewOut]:
    """Signed reviews, newest first."""
    found = await oversight.list_reviews(who, db, below_id=cursor, limit=limit)
    return Page[ReviewOut].of(found, limit)


@router.post("/reviews", status_code=status.HTTP_201_CREATED)
async def review_week(
    who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, body: ReviewIn
) -> ReviewOut:
    """Sign the review of a week that is over."""
    return ReviewOut.model_validate(await oversight.review_week(who, db, settings, **dict(body), now=now))


@router.get("/seals")
async def read_seal_state(who: deps.Who, db: deps.ReadDb, settings: deps.Config) -> SealsOut:
    """How the seals of the trail stand, and what the last check of all of it found."""
    return SealsOut.model_validate(await oversight.read_seal_state(who, db, settings))


@router.post("/checks", status_code=status.HTTP_201_CREATED)
async def check_trail(who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now) -> CheckOut:
    """Check the whole trail against its hashes and seals."""
    return CheckOut.model_validate(await oversight.check_trail(who, db, settings, now=now))
