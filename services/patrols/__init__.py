"""Patrols (巡逻防控): checkpoints, plans, what the tracks prove of them, and rounds that drive least."""

from services.patrols.checkpoints import (
    CheckpointView,
    NewCheckpoint,
    NoCheckpointError,
    PlaceError,
    change_checkpoint,
    create_checkpoint,
    end_checkpoint,
    list_checkpoints,
)
from services.patrols.compliance import Compliance, StopResult, judge_plan
from services.patrols.plans import (
    NewStop,
    NoPlanError,
    PlanView,
    StopView,
    WindowError,
    cancel_plan,
    create_plan,
    list_plans,
)
from services.patrols.proposals import LeftOutStop, Proposal, ProposedRound, ProposedStop, Reason, propose_rounds

__all__ = [
    "CheckpointView",
    "Compliance",
    "LeftOutStop",
    "NewCheckpoint",
    "NewStop",
    "NoCheckpointError",
    "NoPlanError",
    "PlaceError",
    "PlanView",
    "Proposal",
    "ProposedRound",
    "ProposedStop",
    "Reason",
    "StopResult",
    "StopView",
    "WindowError",
    "cancel_plan",
    "change_checkpoint",
    "create_checkpoint",
    "create_plan",
    "end_checkpoint",
    "judge_plan",
    "list_checkpoints",
    "list_plans",
    "propose_rounds",
]
