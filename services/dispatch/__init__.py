"""Dispatch (接处警): calls are taken, units recommended by road time and sent, and every step is written down."""

from services.dispatch.assignments import (
    NoAssignmentError,
    NoUnitError,
    StaleUnitError,
    StepError,
    UnitTakenError,
    assign_unit,
    report_status,
)
from services.dispatch.calls import (
    MAX_PAGE,
    CallClosedError,
    CallRecord,
    Calls,
    Event,
    NoCallError,
    PlaceError,
    UnitsThereError,
    close_call,
    list_calls,
    read_call,
    take_call,
)
from services.dispatch.codes import CallKind, CallState, Step
from services.dispatch.recommend import Reason, Recommendation, rank, recommend_units

__all__ = [
    "MAX_PAGE",
    "CallClosedError",
    "CallKind",
    "CallRecord",
    "CallState",
    "Calls",
    "Event",
    "NoAssignmentError",
    "NoCallError",
    "NoUnitError",
    "PlaceError",
    "Reason",
    "Recommendation",
    "StaleUnitError",
    "Step",
    "StepError",
    "UnitTakenError",
    "UnitsThereError",
    "assign_unit",
    "close_call",
    "list_calls",
    "rank",
    "read_call",
    "recommend_units",
    "report_status",
    "take_call",
]
