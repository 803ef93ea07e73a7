"""The container files start commands that exist."""

import re
from pathlib import Path

import yaml
from typer.testing import CliRunner

from api.cli import MODULES, app

ROOT = Path(__file__).parents[2]


def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_command_that_compose_starts_exists():
    commands = [service["command"] for service in compose()["services"].values() if "command" in service]
    commands += [
        service["healthcheck"]["test"][1:]
        for service in compose()["services"].values()
        if service.get("healthcheck", {}).get("test", [None, None])[1] == "tianshu"
    ]
    assert len(commands) >= 5
    for command in commands:
        assert command[0] == "tianshu"
        assert CliRunner().invoke(app, [*command[1:], "--help"]).exit_code == 0, command


def test_the_image_starts_a_command_that_exists():
    last = re.findall(r'^CMD \["tianshu", "(\w+)"\]$', (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    known = set(MODULES)
    assert last
    assert set(last) <= known


def test_every_folder_and_file_the_image_copies_exists():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name


def test_the_image_does_not_run_as_root():
    users = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}


def test_every_service_restarts_is_watched_and_has_no_default_password():
    text = (ROOT / "docker-compose.yml").read_text()
    assert all(":?" in match for match in re.findall(r"\$\{TIANSHU_DB_PASSWORD[^}]*\}", text))
    for name, service in compose()["services"].items():
        if name != "migrate":
            assert "healthcheck" in service, name
            assert service["restart"] == "unless-stopped", name


def test_volumes_are_named():
    data = compose()
    used = {volume.split(":")[0] for service in data["services"].values() for volume in service.get("volumes", [])}
    assert used == set(data["volumes"])
