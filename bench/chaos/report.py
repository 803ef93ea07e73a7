"""Runs of the harness as sections of docs/reference/chaos.md: `python -m bench.chaos.report RUN.jsonl …`."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def section(head: dict[str, Any], schedules: list[dict[str, Any]]) -> str:
    """Return what one run did and found."""
    bus = f", a bus and {head['writers']} writers" if head["writers"] else ""
    machine = head["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_before']} from other work."
    kinds = Counter(fault["kind"] for schedule in schedules for fault in schedule["faults"])
    rows = [_row(schedule) for schedule in schedules]
    good = sum(schedule["good"] for schedule in schedules)
    acknowledged = sum(schedule["acknowledged"] for schedule in schedules)
    return "\n".join([
        f"## {head['gateways']} gateways{bus}: nothing wrong in {good} of {len(schedules)} schedules",
        "",
        f"{head['devices']} devices, {head['seconds']:.0f} s each; {acknowledged:,} fixes acknowledged. {where}",
        "",
        "Faults: " + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())) + ".",
        "",
        "| seed | faults | acknowledged | sent again | connections | old sockets closed | finished after s | wrong |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
    ])  # fmt: skip


def _row(schedule: dict[str, Any]) -> str:
    wrong = ", ".join(f"{name} {count}" for name, count in schedule["wrong"].items()) or "0"
    cells = (
        schedule["seed"], len(schedule["faults"]), schedule["acknowledged"], schedule["repeated"],
        schedule["connections"], schedule["taken_over"], schedule["finished_s"], wrong,
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Print a section for each file named."""
    for name in sys.argv[1:]:
        lines = [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]
        print(section(lines[0], [line for line in lines[1:] if "seed" in line]))


if __name__ == "__main__":
    main()
