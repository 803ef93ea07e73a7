"""The calls under way, as the live stream tells them: who looks at the board asks the service nothing."""

import json
from dataclasses import dataclass, field
from typing import Any

from demo.door import Door

NO_CALLS = '"calls":[]'


@dataclass(slots=True)
class Board:
    """Calls that are not closed, by id."""

    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    told: bool = False  # whether the stream has said anything yet

    async def follow(self, door: Door) -> None:
        """Keep the board up to date until the stream ends (the service ends it every ten minutes).

        Raises:
            DoorClosedError: the service can't be reached.
        """
        async for event, data in door.stream("/stream"):
            self.hear(event, data)

    def hear(self, event: str, data: str) -> None:
        """Take an event: a snapshot is everything, a delta only what has changed."""
        if event == "delta" and NO_CALLS in data:
            return
        calls = json.loads(data)["calls"]
        if event == "snapshot":
            self.calls.clear()
            self.told = True
        for call in calls:
            if call["state"] == "closed":
                self.calls.pop(call["id"], None)
            else:
                self.calls[call["id"]] = call
