"""Areas drawn on the map (区域), the rules they carry, and the watcher that turns fixes into their alerts."""

from services.areas.register import (
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
from services.areas.watcher import watch

__all__ = [
    "AreaView",
    "Areas",
    "NewRule",
    "RuleView",
    "add_rule",
    "create_area",
    "deactivate_area",
    "deactivate_rule",
    "list_areas",
    "read_area",
    "watch",
]
