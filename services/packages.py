"""Debian packages the service stands on: found, installed where that is possible, or named exactly."""

import os
import shutil
import subprocess
from pathlib import Path

from services.errors import UnavailableError

DATABASE = ("postgresql-15", "postgresql-15-postgis-3", "postgresql-15-pgrouting")
TESTING = ("chromium", "fonts-noto-cjk", "mosquitto", "nats-server")
"""What the tests drive: a browser with a Chinese font, brokers."""

_INSTALL_TIMEOUT_S = 1800


class PackagesMissingError(UnavailableError):
    """Packages are missing and can't be installed from here; the sentence is the command to run."""


def is_installed(package: str) -> bool:
    """Say whether dpkg knows the package as installed."""
    done = subprocess.run(  # noqa: S603
        ["dpkg-query", "-W", "-f=${Status}", package],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 and "ok installed" in done.stdout


def ensure(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Install those of `packages` that are missing and return their names.

    Raises:
        PackagesMissingError: apt-get is absent, refused, or needs a password; the message holds the command.
    """
    if shutil.which("dpkg-query") is None:
        raise PackagesMissingError(f"This is not a Debian system. Install what corresponds to: {' '.join(packages)}")
    missing = tuple(package for package in packages if not is_installed(package))
    if not missing:
        return ()
    prefix = _privilege()
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if prefix is None or not (_run([*prefix, "apt-get", "update"]) and _run([*prefix, *command])):
        raise PackagesMissingError(
            "Debian packages are missing and could not be installed from here. "
            f"Run this, then try again:\n  sudo apt-get update && sudo {' '.join(command)}"
        )
    return missing


def _privilege() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and _run([sudo, "-n", "true"]) else None


def _run(command: list[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=_INSTALL_TIMEOUT_S)  # noqa: S603
    return done.returncode == 0


def chromium() -> Path | None:
    """Return the path of Debian's Chromium, if it is there."""
    found = shutil.which("chromium")
    return Path(found) if found else None
