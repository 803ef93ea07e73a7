"""The report: a page with tables and pictures, written from the figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench.simulate.study import LOAD, LOADS
from bench.simulate.surge import LEAST_GAIN, LIMIT_MS

NAMES = {
    "airline": "nearest as the crow flies, units anywhere",
    "road": "fastest over the roads, the same places",
    "posts": "fastest, units at p-median posts",
    "redeployed": "+ redeployment by DMEXCLP as published",
    "redeployed_by_time": "+ redeployment with a price for seconds (ours)",
    "coverage_dispatch": "posts, DMEXCLP decides who is sent",
}
CITIES = {"shanghai_centre": "Shanghai centre", "wuhan": "Wuhan"}

HEAD = """# Dispatch policies, simulated

Written by `python -m bench.simulation` from [simulation.json](simulation.json). An event simulation (SimPy) on two real
road networks: the same calls, the same units and the same times on the scene under every policy, {seeds} runs of 48
hours each. The figures are means over the runs with 95 % intervals (Student's t); changes are taken run by run.

## What is assumed

- Roads: Shanghai centre (with one-way streets) and Wuhan (all two-way), the times of our own engine: no turns, signals
  or traffic. Map data © OpenStreetMap contributors, ODbL.
- Calls are invented: a Poisson stream, three quarters of it around fifteen hot spots and the rest anywhere. A unit
  stays 25 min on the scene on average (log-normal). *Load* is the share of its time that a unit is on a scene; the
  rate of calls follows from it. The tables show load {load}; the last one the others.
- 30 units and a limit of 300 s in Shanghai, 60 units and 600 s in Wuhan. Late is who takes longer than the limit,
  waiting for a free unit included.
- Posts come from 3,000 past calls that are in none of the runs: a p-median over 250 candidates and 400 squares.
- A unit on its way back may be sent from where it is; its time to a scene is the mean of the times from both ends of
  its way, weighted by how far it is. That is an approximation, the same for all policies, and rather too long than
  too short.
"""


def write(result: dict[str, Any], folder: Path, pictures: Path) -> None:
    """Write the page and the pictures beside the figures."""
    page = [HEAD.format(seeds=result["seeds"], load=LOAD)]
    for name, city in result["cities"].items():
        _draw(name, city, pictures / f"simulation-{name}.png")
        page += [_city(name, city), f"![{CITIES[name]}](../images/simulation-{name}.png)\n"]
    page += [_surges(result), _targets(result), _loads(result), _meaning(result)]
    (folder / "simulation.md").write_text("\n".join(page), encoding="utf-8")


def _city(name: str, city: dict[str, Any]) -> str:
    rows = [
        f"## {CITIES[name]}: {city['units']} units, limit {city['limit_s']:.0f} s\n",
        "| policy | mean response s | late % | change of the mean | change of the late ones |",
        "|---|---|---|---|---|",
    ]
    for policy, found in city["loads"][str(LOAD)].items():
        base, against = next(iter(found["against"].items()), ("", None))
        rows.append(
            f"| {NAMES[policy]} | {_span(found['mean_s'], 1, 0)} | {_span(found['late'], 100, 2)} | "
            + (f"{_percent(against['mean'])} | {_percent(against['late'])} (against *{base}*) |" if against else "| |")
        )
    gap = city["posts_gap"]
    proven = "not bounded" if gap is None else f"proven to {gap:.2%} of the best"
    return "\n".join([*rows, "", f"The posts are {proven}.", ""])


def _surges(result: dict[str, Any]) -> str:
    columns = (
        "city",
        "one by one s",
        "together s",
        "gain",
        "p50 ms",
        "p99 ms",
        "processor p50 ms",
        "whole table p50 ms",
    )
    rows = ["## A surge: 25 calls at once, 30 units\n", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, city in result["cities"].items():
        one = city["surge"]
        rows.append(
            f"| {CITIES[name]} | {one['one_by_one_mean_s']} | {one['together_mean_s']} | {_percent(one['gain'])} | "
            f"{one['p50_ms']} | {one['p99_ms']} | {one['processor_p50_ms']} | {one['whole_table_processor_p50_ms']} |"
        )
    return "\n".join(
        [
            *rows,
            "",
            "Searched from each call only as far as the answer needs; beside it the processor for the whole table of",
            "750 road times, which gives the same answer. The machine was shared with other work.",
            "",
        ]
    )


def _targets(result: dict[str, Any]) -> str:
    rows = [
        "## Held against the targets\n",
        "| city | policy | against | | asked for | found | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in result["targets"]:
        mark = "met" if one["met"] else "**missed**"
        rows.append(
            f"| {CITIES[one['city']]} | {NAMES[one['policy']]} | *{one['against']}* | {one['what']} | "
            f"{one['target']:+.1%} at most | {_percent(one['found'])} | {mark} |"
        )
    for name, city in result["cities"].items():
        surge = city["surge"]
        gained, quick = surge["gain"]["mean"] >= LEAST_GAIN, surge["processor_p50_ms"] < LIMIT_MS
        rows.append(
            f"| {CITIES[name]} | surge assigned together | *one by one* | mean | -10.0% at most, in {LIMIT_MS} ms | "
            f"{-surge['gain']['mean']:+.1%}, {surge['processor_p50_ms']} ms of the processor | "
            f"{'met' if gained and quick else '**missed**: too slow' if gained else '**missed**'} |"
        )
    return "\n".join([*rows, ""])


def _loads(result: dict[str, Any]) -> str:
    head = f"| city | load | {' | '.join(f'*{name}*' for name in NAMES)} |"
    rows = ["## The same at other loads\n", "Half as many runs each.\n", head, "|---|---" + "|---" * len(NAMES) + "|"]
    for name, city in result["cities"].items():
        for load in LOADS:
            found = city["loads"][str(load)]
            cells = [f"{one['mean_s']['mean']:.0f} s, {one['late']['mean']:.2%}" for one in found.values()]
            rows.append(f"| {CITIES[name]} | {load} | " + " | ".join(cells) + " |")
    return "\n".join([*rows, ""])


def _meaning(result: dict[str, Any]) -> str:
    lines = []
    for name, city in result["cities"].items():
        against = city["loads"][str(LOAD)]["coverage_dispatch"]["against"]["posts"]
        published = city["loads"][str(LOAD)]["redeployed"]["against"]["posts"]
        lines.append(
            f"- {CITIES[name]}: choosing *who is sent* by coverage changes the late ones by {_percent(against['late'])}"
            f" and the mean by {_percent(against['mean'])}. Published: −18 % and +37 % (Jagtenberg 2016). That is why "
            "the service never lets coverage choose who answers a call. Redeployment as published changes the late "
            f"ones by {_percent(published['late'])} and the mean by {_percent(published['mean'])}."
        )
    return "\n".join(["## What it says\n", *lines, ""])


def _span(value: dict[str, float], scale: float, digits: int) -> str:
    mean, low, high = (value[key] * scale for key in ("mean", "low", "high"))
    return f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _percent(value: dict[str, float]) -> str:
    return f"{value['mean']:+.1%} ({value['low']:+.1%} to {value['high']:+.1%})"


def _draw(name: str, city: dict[str, Any], path: Path) -> None:
    found = city["loads"][str(LOAD)]
    labels = list(found)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for axis, key, scale, title in ((axes[0], "mean_s", 1, "mean response, s"), (axes[1], "late", 100, "late, %")):
        means = [found[one][key]["mean"] * scale for one in labels]
        ends = [[(found[one][key]["mean"] - found[one][key]["low"]) * scale for one in labels],
                [(found[one][key]["high"] - found[one][key]["mean"]) * scale for one in labels]]  # fmt: skip
        axis.barh(labels, means, xerr=ends, color="#4a6fa5", ecolor="#222222", capsize=3)
        axis.set_title(title, fontsize=10)
        axis.grid(visible=True, axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].invert_yaxis()
    figure.suptitle(f"{CITIES[name]}: {city['units']} units, limit {city['limit_s']:.0f} s, load {LOAD}", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
