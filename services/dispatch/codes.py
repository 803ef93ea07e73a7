"""The words of dispatch; what they are called on screen stands with the pages."""

from enum import StrEnum

HIGHEST_PRIORITY, LOWEST_PRIORITY = 1, 4


class CallKind(StrEnum):
    """What a call (警情) is about."""

    THEFT = "theft"
    ROBBERY = "robbery"
    VIOLENCE = "violence"
    DISPUTE = "dispute"
    TRAFFIC = "traffic"
    FIRE = "fire"
    HELP = "help"
    MEDICAL = "medical"
    MISSING_PERSON = "missing_person"
    FRAUD = "fraud"
    NOISE = "noise"
    SUSPICIOUS = "suspicious"
    OTHER = "other"


class CallState(StrEnum):
    """Nobody is sent; somebody is, or has been there; over."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class Step(StrEnum):
    """What a unit goes through, in this order; a step may be left out, none is taken back."""

    DISPATCHED = "dispatched"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    CLEAR = "clear"

    @property
    def following(self) -> "tuple[Step, ...]":
        """The steps that may come next."""
        steps = tuple(Step)
        return steps[steps.index(self) + 1 :]


FREE = "free"
"""The state of a unit that may be sent; from `dispatched` to `on_scene` its state is that of its assignment."""
