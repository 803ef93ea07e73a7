"""The demo's telephone: invented 110 calls every few minutes, some left for the person at the desk."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.board import Board
from demo.crew import OVER
from demo.door import Door, DoorClosedError
from demo.streets import Streets

MARK = "【演示】"
"""Begins the notes of every call of the demo; calls without it are a person's and are left alone."""
MOST_OPEN = 8
EVERY_S = (120.0, 240.0)
FIRST_CALLS = 4
LEFT_TO_THE_DESK = 0.4
PATIENCE_S = 900.0
"""A call left to the desk is assigned by the demo after this long."""
KINDS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("traffic", 3, ("两车追尾，无人受伤，占用一条车道。", "电动车与轿车剐蹭，需要勘查。")),
    ("dispute", 3, ("商铺门口发生口角，围观人员较多。", "停车位纠纷，双方僵持。")),
    ("theft", 2, ("门店反映货物被盗，嫌疑车辆已离开。", "工地反映电缆丢失。")),
    ("help", 3, ("有人被困电梯，请求协助。", "老人迷路，请求协助。")),
    ("violence", 1, ("夜市有人斗殴，请求增援。",)),
    ("fire", 1, ("垃圾站冒烟，消防已通知，请求维持秩序。",)),
)
"""Kind, usual priority, what the caller says; the order is from frequent to rare."""
WEIGHTS = (30, 26, 18, 16, 6, 4)


@dataclass(slots=True)
class Caller:
    """Posts calls, assigns some, closes those whose units are done."""

    board: Board
    door: Door
    streets: Streets
    corners: tuple[int, ...]  # nodes where calls may come from
    rng: random.Random
    next_at: float = 0.0
    made: int = 0

    async def look(self, now: float) -> None:
        """Tidy up, and call when it is time.

        Raises:
            DoorClosedError: the service can't be reached; try again.
        """
        if not self.board.told:
            return
        ours = [call for call in self.board.calls.values() if call["notes"].startswith(MARK)]
        active = 0
        for call in ours:
            states = {one["state"] for one in call["assignments"]}
            if "clear" in states and states <= OVER:
                await self._close(call["id"])
                continue
            active += 1
            if states <= OVER and _age_s(call) > PATIENCE_S:
                await self._assign(call["id"])
        if now >= self.next_at and active < MOST_OPEN:
            wait_s = 6.0 if self.made < FIRST_CALLS else self.rng.uniform(*EVERY_S)
            self.next_at = now + wait_s
            await self._call()

    async def _close(self, call_id: int) -> None:
        """Close a call; when somebody else was quicker, leave it."""
        try:
            await self.door.post(
                f"/calls/{call_id}/close", {"result": "现场处置完毕（演示）", "result_code": "settled"}
            )
        except DoorClosedError:
            return

    async def _call(self) -> None:
        kind, priority, sayings = self.rng.choices(KINDS, WEIGHTS)[0]
        node = self.rng.choice(self.corners)
        call = await self.door.post(
            "/calls",
            {
                "kind": kind,
                "priority": priority,
                "lon_deg": round(self.streets.lon[node] + self.rng.uniform(-4e-4, 4e-4), 6),
                "lat_deg": round(self.streets.lat[node] + self.rng.uniform(-4e-4, 4e-4), 6),
                "address": self._address(node),
                "notes": MARK + self.rng.choice(sayings),
            },
        )
        self.made += 1
        await self.door.post(f"/calls/{call['id']}/sign")
        if priority == 1 or self.rng.random() >= LEFT_TO_THE_DESK:
            await self._assign(call["id"], units=2 if priority == 1 else 1)

    def _address(self, node: int) -> str:
        """An invented house on a street that meets the node, else just the neighbourhood."""
        names = [self.streets.names[arc] for arc in self.streets.out[node] if self.streets.names[arc]]
        street = self.rng.choice(names) if names else "城区道路"
        return f"{street}附近" if street[-1].isdigit() else f"{street}{self.rng.randint(1, 380)}号附近"

    async def _assign(self, call_id: int, units: int = 1) -> None:
        """Send the soonest units; when somebody else was quicker, leave it."""
        try:
            for best in (await self.door.get(f"/calls/{call_id}/recommendations"))[:units]:
                await self.door.post(f"/calls/{call_id}/assignments", {"unit_id": best["unit"]["id"]})
        except DoorClosedError:
            return


def _age_s(call: dict[str, Any]) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(call["taken_at"])).total_seconds()
