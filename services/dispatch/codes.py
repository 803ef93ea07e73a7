"""The words of dispatch that the program itself knows; kinds of calls, results and timers stand in `dispatch.toml`."""

from enum import StrEnum

HIGHEST_PRIORITY, LOWEST_PRIORITY = 1, 4


class CallState(StrEnum):
    """Nobody is sent; somebody is, or has been there; over."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class Step(StrEnum):
    """The level an assignment stands at. Proposed reserves the unit and sends nobody; from dispatched on it is sent.

    Forward only, and a step may be left out; refused and withdrawn end it before its time. What is merely recommended
    is not written down at all.
    """

    PROPOSED = "proposed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    CLEAR = "clear"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def following(self) -> "tuple[Step, ...]":
        """The steps that may be reported next; who is proposed has to be dispatched first."""
        if self in OVER:
            return ()
        if self is Step.PROPOSED:
            return (Step.DISPATCHED,)
        return _WAY[_WAY.index(self) + 1 :]


_WAY = (Step.DISPATCHED, Step.ACCEPTED, Step.EN_ROUTE, Step.ON_SCENE, Step.CLEAR)
OVER = frozenset({Step.CLEAR, Step.REFUSED, Step.WITHDRAWN})
REFUSABLE = frozenset({Step.PROPOSED, Step.DISPATCHED, Step.ACCEPTED})
WITHDRAWABLE = REFUSABLE | {Step.EN_ROUTE}
"""Who is on the scene is cleared, not withdrawn: he has been there."""

FREE, RESERVED, OFF_DUTY = "free", "reserved", "off_duty"
"""States of a unit: may be sent; proposed for a call; not there. One that is sent has the state of its assignment."""


class Link(StrEnum):
    """How two calls have to do with each other."""

    DUPLICATE = "duplicate"
    RELATED = "related"


class Way(StrEnum):
    """How a unit stands on its way to the scene."""

    ON_ROUTE = "on_route"
    OFF_ROUTE = "off_route"
    STOPPED = "stopped"
    SILENT = "silent"
