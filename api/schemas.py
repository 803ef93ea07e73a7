"""What several routes say in the same words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""The number of a thing in a path: more would not fit its column."""


class Model(BaseModel):
    """Base of everything that crosses the door as JSON."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Model, Generic[T]):
    """A part of a list; ask again with `cursor=next_cursor` while it is not null."""

    items: list[T]
    next_cursor: str | None = None

    @classmethod
    def of(cls, found: Sequence[Any], limit: int, *, key: str = "id") -> Self:
        """Make a part of what was found; where it is as long as it may be, the next begins at its last one's key."""
        following = str(getattr(found[-1], key)) if len(found) == limit else None
        return cls.model_validate({"items": found, "next_cursor": following})


class AssignmentOut(Model):
    """A unit proposed for or sent to a call, when it took each step, and how it stands on its way.

    `expected_s` is the travel time foreseen when it was sent, `eta_at` the arrival foreseen now. `way` says whether a
    unit en route keeps to the road: on_route, off_route, stopped, silent. `by_machine`: a timer proposed it.
    """

    id: int
    unit_id: int
    state: Literal["proposed", "dispatched", "accepted", "en_route", "on_scene", "clear", "refused", "withdrawn"]
    proposed_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    clear_at: datetime | None
    expected_s: float | None
    eta_at: datetime | None
    way: Literal["on_route", "off_route", "stopped", "silent"] | None
    reason: str | None
    by_machine: bool


class CallOut(Model):
    """A call with its units. The place is CGCS2000 degrees, null while unknown; `outside`: mutual aid."""

    id: int
    kind: str
    priority: int
    lon_deg: float | None
    lat_deg: float | None
    address: str
    notes: str
    answers: dict[str, str]
    division: str | None
    outside: bool
    state: Literal["open", "assigned", "closed"]
    taken_at: datetime
    signed_at: datetime | None
    feedback_at: datetime | None
    closed_at: datetime | None
    result_code: str | None
    assignments: list[AssignmentOut]


class RecommendedUnit(Model):
    """A unit that could go, and where it was last."""

    id: int = Field(validation_alias="unit_id")
    call_sign: str
    kind: str
    lon_deg: float
    lat_deg: float
    at: datetime


class ReasonOut(Model):
    """Why a unit has its rank: nearest_by_road, soonest_not_nearest, later_by_road, fallback; with figures."""

    code: str
    values: dict[str, Any]


class BeatLossOut(Model):
    """A beat, and the share of it that would be uncovered."""

    id: int
    name: str
    lost_share: float


class LeavesOut(Model):
    """What its leaving would uncover: the share of the ground that no other free vehicle reaches in so many minutes.

    The same of each beat that loses any, the most first; and the places (lon, lat) behind the shares.
    """

    minutes: int
    lost_share: float
    beats: list[BeatLossOut]
    places: list[tuple[float, float]]


class RecommendationOut(Model):
    """A unit with its travel time; `estimated`: from the straight line, because no road answer was to be had."""

    unit: RecommendedUnit
    time_s: float
    length_m: float
    mode: Literal["drive", "walk"]
    reason: ReasonOut
    estimated: bool
    leaves: LeavesOut | None


class WordsOut(Model):
    """The same in both languages."""

    zh: str
    en: str


class BasisOut(Model):
    """A law, and its article where the number is confirmed."""

    law: str
    article: str | None
    note: str


class ReviewOut(Model):
    """Whether legal affairs have reviewed a text."""

    state: Literal["draft", "reviewed"]
    by: str | None
    on: str | None


class DoneOut(Model):
    """When a step was checked off, and by whom."""

    at: datetime
    who: str | None


class GuideStepOut(Model):
    """A step of the guidance."""

    id: str
    text: WordsOut
    basis: list[BasisOut]
    done: DoneOut | None


class GuidanceOut(Model):
    """Enforcement guidance (执法指引) of a call, with what was checked off."""

    kind: str
    version: int
    reviewed: ReviewOut
    title: WordsOut
    basis: list[BasisOut]
    documents: list[WordsOut]
    steps: list[GuideStepOut]
