"""Areas drawn on the map (区域), the rules they carry, and the watcher that turns fixes into their alerts."""

from services.areas.board import forget
from services.areas.register import (
    MAX_CONFIRM_FIXES,
    MAX_PAGE,
    MAX_S,
    Areas,
    AreaView,
    NewRule,
    RuleView,
    add_rule,
    create_area,
    deactivate_area,
    deactivate_rule,
    list_areas,
    read_area,
)
from services.areas.replay import catch_up
from services.areas.watcher import watch

__all__ = [
    "MAX_CONFIRM_FIXES",
    "MAX_PAGE",
    "MAX_S",
    "AreaView",
    "Areas",
    "NewRule",
    "RuleView",
    "add_rule",
    "catch_up",
    "create_area",
    "deactivate_area",
    "deactivate_rule",
    "forget",
    "list_areas",
    "read_area",
    "watch",
]
