"""Commands to devices (指令下发): asked by people, kept in the database, carried by the gateway that has the socket.

    queued → sent → acknowledged | answered | refused | timed_out        queued → expired | cancelled

register    what people ask, read and cancel        kinds       the table of commands
delivery    what a gateway owes to its terminals    parameters, fences   what two kinds of them say
"""

from services.commands.delivery import Errand, Outcome, find_due, give_up, settle, take
from services.commands.fences import FORMS, NotWatchableError
from services.commands.kinds import GENERAL_REPLY, KINDS, NotSpokenError, build, read_answer
from services.commands.register import (
    MAX_OPEN,
    MAX_PAGE,
    STATES,
    CommandView,
    NotATerminalError,
    NotQueuedError,
    TooManyError,
    ask,
    cancel,
    list_commands,
    list_of_device,
)

__all__ = [
    "FORMS", "GENERAL_REPLY", "KINDS", "MAX_OPEN", "MAX_PAGE", "STATES", "CommandView",
    "Errand", "NotATerminalError", "NotQueuedError", "NotSpokenError", "NotWatchableError", "Outcome", "TooManyError",
    "ask", "build", "cancel", "find_due", "give_up", "list_commands", "list_of_device", "read_answer", "settle",
    "take",
]  # fmt: skip
