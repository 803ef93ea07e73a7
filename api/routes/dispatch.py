"""What dispatch needs beside the calls themselves: its tables, the gazetteer, all calls at once, help for an alert."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api import deps, graph, ground
from api.schemas import Id, Model, RecommendationOut, RecommendedUnit, WordsOut
from services import access, dispatch

router = APIRouter(tags=["calls"])


class ChoiceOut(Model):
    """One of several answers."""

    code: str
    name: WordsOut


class QuestionOut(Model):
    """What the caller is asked."""

    id: str
    text: WordsOut
    answer: Literal["yes_no", "text", "choice"]
    choices: list[ChoiceOut]


class TextOut(Model):
    """A sentence to take over."""

    id: str
    text: WordsOut


class KindOut(Model):
    """A kind of call; `mnemonic` is what is typed to choose it."""

    code: str
    name: WordsOut
    group: str
    mnemonic: str
    priority: int
    questions: list[QuestionOut]
    templates: list[TextOut]


class PriorityOut(Model):
    """A priority, 1 the highest."""

    level: int
    name: WordsOut


class TimersOut(Model):
    """How long something may take before it is told."""

    sign_for_s: int
    accept_s: int
    proposal_s: int
    set_out_s: int
    feedback_s: int


class TargetsOut(Model):
    """Arrival after the call was taken."""

    town_s: int
    edge_s: int


class TablesOut(Model):
    """The tables of dispatch as they are configured."""

    version: str
    kinds: list[KindOut]
    priorities: list[PriorityOut]
    results: list[ChoiceOut]
    refusals: list[ChoiceOut]
    timers: TimersOut
    targets: TargetsOut


class PlacesIn(Model):
    """What a place is called, and near where, perhaps where a caller is: that never stands in an address."""

    words: str = Field(min_length=1, max_length=100)
    lon_deg: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    lat_deg: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    limit: int = Field(10, ge=1, le=50)


class PlaceOut(Model):
    """Something with a name: park, enterprise, area, road, division, township, place. CGCS2000 degrees."""

    name: str
    kind: str
    lon_deg: float
    lat_deg: float
    detail: str


class MatchOut(Model):
    """A call and the unit for it."""

    call_id: int
    unit: RecommendedUnit
    time_s: float
    estimated: bool


class PlanOut(Model):
    """Units for all open calls: decided together, and beside it one call at a time."""

    together: list[MatchOut]
    one_by_one: list[MatchOut]
    total_together_s: float
    total_one_by_one_s: float
    left: list[int]


@router.get("/dispatch/tables")
async def read_tables(who: deps.Who, settings: deps.Config) -> TablesOut:
    """Kinds of calls with their questions and templates, results, reasons, timers and targets."""
    await access.grant(who, access.Act.VIEW_CALLS, "tables")
    book = dispatch.tables(settings)
    return TablesOut(
        version=book.version,
        kinds=[KindOut(code=code, **_said(KindOut, kind)) for code, kind in book.kinds.items()],
        priorities=[
            PriorityOut(level=level, name=WordsOut.model_validate(name)) for level, name in book.priorities.items()
        ],
        results=[ChoiceOut(code=code, **_said(ChoiceOut, named)) for code, named in book.results.items()],
        refusals=[ChoiceOut(code=code, **_said(ChoiceOut, named)) for code, named in book.refusals.items()],
        timers=TimersOut.model_validate(book.timers),
        targets=TargetsOut.model_validate(book.targets),
    )


@router.post("/places/search")
async def find_places(
    *,
    who: deps.Who,
    db: deps.ReadDb,
    settings: deps.Config,
    land: ground.Land,
    body: PlacesIn,
) -> list[PlaceOut]:
    """The gazetteer: what is called so among parks, enterprises, areas, roads, divisions and places; nearest first."""
    near = (body.lon_deg, body.lat_deg) if body.lon_deg is not None and body.lat_deg is not None else None
    found = await dispatch.find_places(who, db, land, settings, words=body.words, near=near, limit=body.limit)
    return [PlaceOut.model_validate(place) for place in found]


@router.get("/recommendations")
async def match_all(
    *, who: deps.Who, db: deps.ReadDb, roads: graph.Ways, settings: deps.Config, now: deps.Now, calls: Literal["all"]
) -> PlanOut:
    """Units for all open calls at once, so that the sum of travel times is least, beside the one-by-one answer."""
    del calls
    return PlanOut.model_validate(await dispatch.match_all(who, db, roads, settings, now=now))


@router.get("/alerts/{alert_id}/recommendations")
async def recommend_help(
    *, who: deps.Who, db: deps.ReadDb, roads: graph.Ways, settings: deps.Config, now: deps.Now, alert_id: Id
) -> list[RecommendationOut]:
    """Free units near an alert, such as an officer's SOS, soonest first."""
    found = await dispatch.recommend_help(who, db, roads, settings, alert_id=alert_id, now=now)
    return [RecommendationOut.model_validate(item) for item in found]


def _said(model: type[Model], value: object) -> dict[str, object]:
    """Return the fields of a model that a value has."""
    return {name: getattr(value, name) for name in model.model_fields if hasattr(value, name)}
