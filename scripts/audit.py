"""Ask the public vulnerability service about the pinned libraries.

Ends with 1 when one of them is known to be vulnerable, with 2 when the service could not be asked about all of them;
`--where-possible` makes the latter a warning, for machines without the internet.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK = "requirements.lock"
OPTIONS = "--require-hashes", "--disable-pip", "--timeout", "10", "--progress-spinner", "off", "--format", "json"


def ask() -> list[dict[str, Any]]:
    """Return what pip-audit says of each library; nothing when the service does not answer."""
    asking = Path(sys.executable).with_name("pip-audit")
    run = subprocess.run([asking, "-r", LOCK, *OPTIONS], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        return list(json.loads(run.stdout)["dependencies"])
    except ValueError:
        return []


def judge(libraries: Sequence[dict[str, Any]], *, where_possible: bool) -> int:
    """Print what is known and return the exit code."""
    unknown = [one["name"] for one in libraries if "skip_reason" in one]
    holes = [(one, hole) for one in libraries for hole in one.get("vulns", ())]
    for one, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no release yet"
        print(f"{one['name']} {one['version']}: {hole['id']}, mended in {mended}")
    audited = len(libraries) - len(unknown)
    print(f"{audited} of {len(libraries)} libraries audited, {len(holes)} known vulnerabilities.")
    if unknown:
        print(f"The service knows nothing of {', '.join(unknown[:5])}{', …' if len(unknown) > 5 else ''}")
    if not libraries:
        print("The vulnerability service does not answer: nothing was audited.")
    missed = bool(unknown) or not libraries
    return 1 if holes else 2 if missed and not where_possible else 0


if __name__ == "__main__":
    sys.exit(judge(ask(), where_possible="--where-possible" in sys.argv))
