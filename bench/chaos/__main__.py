"""Run random schedules and print one line of JSON for each, and one for all."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path

from bench import gateway
from bench.chaos import run, town


def main() -> int:
    """Return 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=16.0, help="length of a schedule, without what follows")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; the next has the next number")
    parser.add_argument("--gateways", type=int, default=3)
    parser.add_argument("--devices", type=int, default=40)
    parser.add_argument("--writers", type=int, default=0, help="with a bus (NATS JetStream) and so many writers")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything is taken down again
    print(json.dumps({"figure": "chaos", "machine": gateway.machine(), **vars(options)}), flush=True)
    reports = []
    with (
        tempfile.TemporaryDirectory(prefix="tianshu-chaos-") as folder,
        town.built(
            Path(folder), options.gateways, options.devices * options.schedules, writers=options.writers
        ) as built,
    ):
        for number in range(options.schedules):
            trial = run.Trial(options.seed + number, options.seconds, number * options.devices + 1, options.devices)
            reports.append(asyncio.run(run.try_out(built, trial)))
            print(json.dumps(reports[-1]), flush=True)
        left_out = built.left_out
    print(json.dumps(run.summary(reports) | {"left_out": left_out}))
    return 0 if all(report["good"] for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
