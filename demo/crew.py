"""How the fleet answers calls: it looks who is sent where, drives there, and says so, as a crew with a tablet does."""

import random
from dataclasses import dataclass, field
from typing import Any

from demo.board import Board
from demo.door import Door, DoorClosedError
from demo.fleet import Fleet, Member
from demo.motion import Task

ORDER = ("", "dispatched", "accepted", "en_route", "on_scene", "clear")
"""The steps of an assignment; the first stands for not yet known."""
OVER = frozenset({"clear", "refused", "withdrawn"})
NOT_OURS = OVER | {"proposed"}
"""What a crew has nothing to do with: what is over, and what nobody has told it yet."""


@dataclass(slots=True)
class Job:
    """One assignment that a unit of ours works on."""

    id: int
    member: Member
    lon_deg: float
    lat_deg: float
    state: str
    due: float  # when the crew is ready for the next step (monotonic seconds)


@dataclass(slots=True)
class Crew:
    """Follows the assignments of all units of the fleet."""

    fleet: Fleet
    board: Board
    door: Door
    reaction_s: tuple[float, float] = (2.0, 8.0)
    on_scene_s: tuple[float, float] = (90.0, 300.0)
    rng: random.Random = field(default_factory=lambda: random.Random(110))
    jobs: dict[int, Job] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)
    _call_signs: dict[int, str] = field(default_factory=dict)

    async def look(self, now: float) -> None:
        """Learn what was assigned, report what was reached.

        Raises:
            DoorClosedError: the service can't be reached; try again.
        """
        seen: set[int] = set()
        for call in list(self.board.calls.values()):
            for assignment in call["assignments"]:
                if assignment["state"] not in NOT_OURS and assignment["id"] not in self._done:
                    await self._adopt(call, assignment, now)
                    seen.add(assignment["id"])
        for gone in set(self.jobs) - seen:
            self._let_go(self.jobs.pop(gone))
        for job in list(self.jobs.values()):
            await self._work(job, now)

    async def _adopt(self, call: dict[str, Any], assignment: dict[str, Any], now: float) -> None:
        """Take up an assignment of one of our units; a state that somebody else reported counts."""
        job = self.jobs.get(assignment["id"])
        if job is None:
            member = self.fleet.members.get(await self._call_sign(assignment["unit_id"]))
            if member is None:
                return
            lon_deg, lat_deg = call["lon_deg"], call["lat_deg"]
            if lon_deg is None:  # nobody knows where to: the crew waits where it is
                lon_deg, lat_deg = member.mover.place
            job = Job(assignment["id"], member, lon_deg, lat_deg, "", now)
            self.jobs[job.id] = job
        if ORDER.index(assignment["state"]) > ORDER.index(job.state):
            self._enter(job, assignment["state"], now)

    async def _call_sign(self, unit_id: int) -> str:
        if unit_id not in self._call_signs:
            async for unit in self.door.pages("/units"):
                self._call_signs[unit["id"]] = unit["call_sign"]
        return self._call_signs.get(unit_id, "")

    def _enter(self, job: Job, state: str, now: float) -> None:
        """Do what a state means on the road."""
        job.state = state
        mover = job.member.mover
        job.member.blind_s = job.member.silent_s = 0.0
        if state in {"dispatched", "accepted"}:
            job.due = now + self.rng.uniform(*self.reaction_s)
        elif state == "en_route":
            mover.respond(job.lon_deg, job.lat_deg)
        elif state == "on_scene":
            mover.task = Task.ON_SCENE
            job.due = now + self.rng.uniform(*self.on_scene_s)

    async def _work(self, job: Job, now: float) -> None:
        """Report the next state when it is reached."""
        if job.state == "en_route" and not job.member.mover.arrived:
            return
        if now < job.due:
            return
        following = ORDER[ORDER.index(job.state) + 1]
        try:
            await self.door.post(f"/assignments/{job.id}/status", {"state": following})
        except DoorClosedError:
            job.due = now + 5.0  # somebody else was first, or the service is away: the next look tells
            return
        if following == "clear":
            self._done.add(job.id)
            self._let_go(self.jobs.pop(job.id))
        else:
            self._enter(job, following, now)

    def _let_go(self, job: Job) -> None:
        if job.member.mover.task is not Task.PATROL:
            job.member.mover.release()
