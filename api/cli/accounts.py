"""Accounts from the command line: the first ones have to come from somewhere."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyotp
import typer

from api.cli import database
from services import access
from services.db.engine import WriteSession, make_engine, writing
from services.db.security import DbRole
from services.errors import ConflictError
from services.settings import Settings

T = TypeVar("T")

app = typer.Typer(name="accounts", help="People who sign in.", no_args_is_help=True)

DEMO_ACCOUNTS: tuple[tuple[str, str, access.Role], ...] = (
    ("dispatcher", "示例调度员 Demo dispatcher", access.Role.DISPATCHER),
    ("park", "示例园区警官 Demo park officer", access.Role.PARK_OFFICER),
    ("officer", "示例巡逻员 Demo patrol officer", access.Role.PATROL_OFFICER),
    ("wall", "示例指挥大屏 Demo wall", access.Role.WALL),
    ("investigator", "示例侦查员 Demo investigator", access.Role.INVESTIGATOR),
    ("approver", "示例审批人 Demo approver", access.Role.APPROVER),
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


@app.command("reset-factor")
def reset_factor(username: str) -> None:
    """Forget an account's second factor, when no security administrator can; its owner enrols a new one."""
    with database.opened() as settings:
        asyncio.run(_with(settings, lambda db: access.reset_factor_of(db, username)))
    typer.echo(f"{username} enrols a new second factor at the next sign-in.")


@app.command("demo-code")
def show_demo_code(username: str) -> None:
    """Print the present code of a demo account's second factor, as its authenticator would."""
    store = Settings().data_dir / "demo-logins.json"
    logins: dict[str, dict[str, Any]] = json.loads(store.read_text()) if store.exists() else {}
    totp = logins.get(username, {}).get("totp")
    if totp is None:
        typer.echo(f"There is no demo account {username} with a second factor in {store}.", err=True)
        raise typer.Exit(2)
    typer.echo(pyotp.TOTP(pyotp.parse_uri(totp).secret).now())


def seed_demo_accounts(settings: Settings) -> dict[str, dict[str, Any]]:
    """Create the demo's accounts with secrets of this machine's own; return {username: {password, roles, totp}}.

    They are kept in `demo-logins.json` in the data folder, readable by its owner only; `totp` is the otpauth address
    of the second factor, where the role asks for one.
    """
    store = settings.data_dir / "demo-logins.json"
    logins: dict[str, dict[str, Any]] = json.loads(store.read_text()) if store.exists() else {}
    keys = access.load_keys(settings)
    for username, display_name, role in DEMO_ACCOUNTS:
        login = logins.setdefault(username, {"password": secrets.token_urlsafe(12), "roles": [role]})
        with suppress(ConflictError):  # it is there; a second factor may be due since
            asyncio.run(_create(settings, username, display_name, login["password"], frozenset({role})))
        if role in access.SECOND_FACTOR and "totp" not in login:
            login["totp"] = asyncio.run(_with(settings, partial(_enrol, keys, username)))
    _keep(store, json.dumps(logins, indent=1))
    return logins


async def _enrol(keys: access.Keyring, username: str, db: WriteSession) -> str:
    return (await access.enrol_at_once(db, keys, username, now=datetime.now(UTC))).uri


def _keep(store: Path, content: str) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    store.touch(mode=0o600)
    store.write_text(content)


async def _create(
    settings: Settings, username: str, display_name: str, password: str, roles: frozenset[access.Role]
) -> None:
    await _with(settings, lambda db: access.create_account(db, username, display_name, password, roles))


async def _with(settings: Settings, act: Callable[[WriteSession], Awaitable[T]]) -> T:
    engine = make_engine(settings.database_address, DbRole.WORKER, pool_size=1)
    try:
        async with writing(engine) as db:
            return await act(db)
    finally:
        await engine.dispose()
