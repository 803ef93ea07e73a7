"""Accounts from the command line: the first ones have to come from somewhere."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import typer

from api.cli import database
from services import access
from services.db.engine import make_engine, writing
from services.errors import ConflictError
from services.settings import Settings

app = typer.Typer(name="accounts", help="People who sign in.", no_args_is_help=True)

DEMO_ACCOUNTS: tuple[tuple[str, str, access.Role], ...] = (
    ("dispatcher", "示例调度员 Demo dispatcher", access.Role.DISPATCHER),
    ("park", "示例园区警官 Demo park officer", access.Role.PARK_OFFICER),
    ("officer", "示例巡逻员 Demo patrol officer", access.Role.PATROL_OFFICER),
    ("admin", "示例系统管理员 Demo administrator", access.Role.SYSTEM_ADMIN),
    ("security", "示例安全管理员 Demo security administrator", access.Role.SECURITY_ADMIN),
    ("auditor", "示例审计员 Demo auditor", access.Role.AUDITOR),
)


@app.command("create")
def create(
    username: str,
    role: list[access.Role] = typer.Option(..., help="May be given several times."),
    display_name: str = typer.Option("", help="As shown on screen; the name itself when left out."),
    password: str = typer.Option("", envvar="TIANSHU_NEW_PASSWORD", help="Generated and printed when left out."),
) -> None:
    """Create an account and print its password once."""
    chosen = password or secrets.token_urlsafe(12)
    with database.opened() as settings:
        asyncio.run(_create(settings, username, display_name or username, chosen, frozenset(role)))
    typer.echo(f"{username}  {chosen}")


def seed_demo_accounts(settings: Settings) -> dict[str, dict[str, Any]]:
    """Create the demo's accounts with passwords of this machine's own; return {username: {password, roles}}.

    The passwords are kept in `demo-logins.json` in the data folder, readable by its owner only.
    """
    store = settings.data_dir / "demo-logins.json"
    logins: dict[str, dict[str, Any]] = json.loads(store.read_text()) if store.exists() else {}
    for username, display_name, role in DEMO_ACCOUNTS:
        login = logins.setdefault(username, {"password": secrets.token_urlsafe(9), "roles": [role]})
        try:
            asyncio.run(_create(settings, username, display_name, login["password"], frozenset({role})))
        except ConflictError:
            continue
    _keep(store, json.dumps(logins, indent=1))
    return logins


def _keep(store: Path, content: str) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    store.touch(mode=0o600)
    store.write_text(content)


async def _create(
    settings: Settings, username: str, display_name: str, password: str, roles: frozenset[access.Role]
) -> None:
    engine = make_engine(settings.database_address, pool_size=1)
    try:
        async with writing(engine) as db:
            await access.create_account(db, username, display_name, password, roles)
    finally:
        await engine.dispose()
