"""Beats and duty rosters (巡区、排班): who answers for which ground, who is on duty and for how long."""

from services.rosters.beats import (
    Beat,
    BeatView,
    NoBeatError,
    Outline,
    beat_at,
    change_beat,
    create_beat,
    end_beat,
    list_beats,
    outlines,
)
from services.rosters.duty import Duty, hours_worked, in_use, on_duty
from services.rosters.register import (
    NoRosterError,
    RosterView,
    SpanError,
    TwiceOnDutyError,
    add_roster,
    delete_roster,
    list_rosters,
)

__all__ = [
    "Beat",
    "BeatView",
    "Duty",
    "NoBeatError",
    "NoRosterError",
    "Outline",
    "RosterView",
    "SpanError",
    "TwiceOnDutyError",
    "add_roster",
    "beat_at",
    "change_beat",
    "create_beat",
    "delete_roster",
    "end_beat",
    "hours_worked",
    "in_use",
    "list_beats",
    "list_rosters",
    "on_duty",
    "outlines",
]
