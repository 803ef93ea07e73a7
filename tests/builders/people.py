"""People who sign in: with their second factor, where their roles ask for one."""

from datetime import datetime

import pyotp
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access
from services.audit import Ledger
from services.db.engine import writing

PASSWORD = "a long enough password"
SECRETS: dict[str, str] = {}
"""Secrets of the second factors of accounts that tests look up by name."""


def code_of(name: str) -> str:
    """Return the present code of an account's second factor."""
    return pyotp.TOTP(SECRETS[name]).now()


async def enrol(engine: AsyncEngine, keys: access.Keyring, username: str, now: datetime) -> str:
    """Give an account a second factor whose present codes are unused; return its secret."""
    async with writing(engine) as db:
        return (await access.enrol_at_once(db, keys, username, now=now)).secret


async def token(
    engine: AsyncEngine,
    keys: access.Keyring,
    username: str,
    *,
    now: datetime,
    kind: access.Kind = access.Kind.MACHINE,
    secret: str | None = None,
) -> str:
    """Sign in completely and return the session's token; `secret` of the second factor, if there is one."""
    ledger = Ledger(engine)
    shown = await access.sign_in(ledger, username, PASSWORD, remote="test", now=now, kind=kind)
    if secret is None:
        return shown
    code = pyotp.TOTP(secret).at(now)
    return await access.verify_factor(ledger, keys, shown, code, remote="test", now=now)
