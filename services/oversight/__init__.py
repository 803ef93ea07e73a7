"""Oversight (审计监督): who looked at whom, what is unusual in it, and the weekly review."""

from services.oversight.checks import CheckView, SealState, check_trail, read_seal_state
from services.oversight.reviews import (
    NotOverError,
    ReviewView,
    list_reviews,
    review_week,
)
from services.oversight.search import (
    MAX_PAGE,
    EntryView,
    OfficerUse,
    SubjectUse,
    Wanted,
    search,
    summarise_officers,
    summarise_subject,
)
from services.oversight.unusual import (
    Habit,
    Unusual,
    find_unusual,
    judge,
    read_acquaintances,
    watch_use,
)

__all__ = [
    "MAX_PAGE",
    "CheckView",
    "EntryView",
    "Habit",
    "NotOverError",
    "OfficerUse",
    "ReviewView",
    "SealState",
    "SubjectUse",
    "Unusual",
    "Wanted",
    "check_trail",
    "find_unusual",
    "judge",
    "list_reviews",
    "read_acquaintances",
    "read_seal_state",
    "review_week",
    "search",
    "summarise_officers",
    "summarise_subject",
    "watch_use",
]
