"""Six policies of dispatch on the roads of Shanghai and Wuhan, and a surge: what each gains, with 95 % intervals.

With --write the report (docs/reference/simulation.md and .json, pictures in docs/images) is written anew. The roads are
not part of the repository: without them this prints that it was skipped.
"""

import argparse
import json
import os
import time
from pathlib import Path

from bench.simulate import city as cities
from bench.simulate import report, study

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Simulate, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIANSHU_SHARED_DATA", "../shared/data")))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    settings = [one for one in cities.SETTINGS if (options.data / "roads" / one.name).is_dir()]
    if not settings:
        print(json.dumps({"figure": "simulation", "skipped": "no roads on this machine: give --data"}))
        return
    began = time.process_time()
    result = study.run([cities.build(options.data, one) for one in settings], options.seeds)
    result |= {"figure": "simulation", "processor_s": round(time.process_time() - began)}
    if options.write:
        folder = ROOT / "docs" / "reference"
        report.write(result, folder, ROOT / "docs" / "images")
        (folder / "simulation.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("figure", "seeds", "processor_s", "targets")}))


if __name__ == "__main__":
    main()
