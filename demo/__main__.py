"""`python -m demo`: the demo beside a running service, with the logins that `tianshu up --demo` keeps in its folder.

With `--seed` it only moves in and ends.
"""

import asyncio
import json
import signal
import sys
from contextlib import suppress

import uvloop
from rich.console import Console

from demo.door import DoorClosedError
from demo.run import run
from services.settings import Settings


async def _until_stopped(settings: Settings, console: Console, *, only_seed: bool) -> None:
    logins = json.loads((settings.data_dir / "demo-logins.json").read_text(encoding="utf-8"))
    task = asyncio.ensure_future(run(settings, logins, console, only_seed=only_seed))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def main() -> int:
    """Run until Ctrl-C; 2 when the service is not there."""
    settings, console = Settings(), Console()
    try:
        uvloop.run(_until_stopped(settings, console, only_seed="--seed" in sys.argv[1:]))
    except (DoorClosedError, FileNotFoundError) as error:
        print(f"The demo can't run: {error}", file=sys.stderr)  # noqa: T201  a command's own words
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
