"""The second factor: time-based one-time passwords (RFC 6238) and recovery codes, each of them good once."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO

import pyotp
import segno
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql

from services.access.keys import Keyring
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account, Login, RecoveryCode, SecondFactor
from services.errors import ConflictError, NotAllowedError, NotFoundError

STEP_S = 30
TOLERANCE_STEPS = 1  # RFC 6238, section 5.2: one step for a slow network
RECOVERY_CODES = 10
ISSUER = "Tianshu"
_CODE_BYTES = 15  # 120 bits: enough that a plain hash keeps them (SP 800-63B-4, look-up secrets: 112)


class WrongCodeError(NotAllowedError):
    """The code is wrong, too old, or was used before."""


class NotEnrollingError(ConflictError):
    """No enrolment has been begun."""


class NoSuchNameError(NotFoundError):
    """No account has this name."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app takes in: the secret, its otpauth address, and that as a QR code (SVG)."""

    secret: str
    uri: str
    svg: str


@dataclass(frozen=True, slots=True)
class FactorState:
    """Whether an account has a second factor, and how many recovery codes are left."""

    enrolled: bool
    recovery_codes_left: int


async def begin(db: WriteSession, keys: Keyring, account_id: int, username: str) -> Enrolment:
    """Make a new secret for the account; it counts only once `confirm` has seen a code of it."""
    secret = pyotp.random_base32()
    box = keys.close(secret)
    row = postgresql.insert(SecondFactor).values(account_id=account_id, pending_box=box)
    await db.execute(row.on_conflict_do_update(index_elements=["account_id"], set_={"pending_box": box}))
    uri = pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=username, issuer_name=ISSUER)
    return Enrolment(secret, uri, _picture(uri))


async def confirm(db: WriteSession, keys: Keyring, account_id: int, code: str, now: datetime) -> list[str]:
    """Put the new secret in force, as its first code shows that the app has it; return fresh recovery codes.

    Raises:
        NotEnrollingError: no enrolment was begun.
        WrongCodeError: the code is not one of the new secret's.
    """
    factor = await _locked(db, account_id)
    if factor is None or factor.pending_box is None:
        raise NotEnrollingError("Begin the enrolment of the second factor first.")
    step = _step_of(keys.open(factor.pending_box), code, now)
    if step is None:
        raise WrongCodeError("This code is not right. Check the clock of the device that shows it.")
    values = {"secret_box": factor.pending_box, "pending_box": None, "last_step": step}
    await db.execute(update(SecondFactor).where(SecondFactor.account_id == account_id).values(**values))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    await db.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    await db.execute(insert(RecoveryCode), [{"account_id": account_id, "code_hash": _digest(code)} for code in codes])
    return codes


async def enrol_at_once(db: WriteSession, keys: Keyring, username: str, *, now: datetime) -> Enrolment:
    """Give an account a second factor without its owner's doing, for the demo and for tests."""
    account_id = await _account_id(db, username)
    enrolment = await begin(db, keys, account_id, username)
    earlier = now - timedelta(minutes=10)  # so that no code of the present is used up
    await confirm(db, keys, account_id, pyotp.TOTP(enrolment.secret, interval=STEP_S).at(earlier), earlier)
    return enrolment


async def accepts(db: WriteSession, keys: Keyring, account_id: int, code: str, now: datetime) -> bool:
    """Return whether the code is good now, and use it up: a one-time password of a new step, or a recovery code."""
    factor = await _locked(db, account_id)
    if factor is None or factor.secret_box is None:
        return False
    step = _step_of(keys.open(factor.secret_box), code, now)
    if step is None:
        return await _spend(db, account_id, code)
    if factor.last_step is not None and step <= factor.last_step:
        return False
    await db.execute(update(SecondFactor).where(SecondFactor.account_id == account_id).values(last_step=step))
    return True


async def state(db: ReadSession, account_id: int) -> FactorState:
    """Return what second factor an account has."""
    enrolled = select(SecondFactor.secret_box.is_not(None)).where(SecondFactor.account_id == account_id)
    left = select(func.count()).where(RecoveryCode.account_id == account_id)
    return FactorState(bool((await db.execute(enrolled)).scalar()), int((await db.execute(left)).scalar_one()))


async def reset(db: WriteSession, account_id: int) -> None:
    """Forget an account's second factor."""
    await db.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    await db.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))


async def close_again(db: WriteSession, keys: Keyring) -> int:
    """Close every secret under the newest key and return how many there are.

    Raises:
        KeysError: one of them opens under none of the keys; nothing is changed.
    """
    rows = (await db.execute(select(SecondFactor).with_for_update())).scalars().all()
    for row in rows:
        row.secret_box = None if row.secret_box is None else keys.close_again(row.secret_box)
        row.pending_box = None if row.pending_box is None else keys.close_again(row.pending_box)
    return len(rows)


async def reset_of(db: WriteSession, username: str) -> None:
    """Forget the second factor of the account of this name, and end its sessions.

    Raises:
        NoSuchNameError: there is none.
    """
    account_id = await _account_id(db, username)
    await reset(db, account_id)
    await db.execute(delete(Login).where(Login.account_id == account_id))


async def _account_id(db: ReadSession, username: str) -> int:
    account_id = (await db.execute(select(Account.id).where(Account.username == username))).scalar()
    if account_id is None:
        raise NoSuchNameError("There is no account {username}.", username=username)
    return account_id


async def _locked(db: WriteSession, account_id: int) -> SecondFactor | None:
    found = select(SecondFactor).where(SecondFactor.account_id == account_id).with_for_update()
    return (await db.execute(found)).scalar_one_or_none()


async def _spend(db: WriteSession, account_id: int, code: str) -> bool:
    spent = delete(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.code_hash == _digest(code))
    return (await db.execute(spent.returning(RecoveryCode.code_hash))).first() is not None


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step the code belongs to, compared in constant time, or None."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    plain = code.replace(" ", "")
    steps = range(present - TOLERANCE_STEPS, present + TOLERANCE_STEPS + 1)
    found = [step for step in steps if secrets.compare_digest(totp.generate_otp(step).encode(), plain.encode())]
    return found[0] if found else None


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    return "-".join(text[start : start + 6] for start in range(0, len(text), 6))


def _digest(code: str) -> bytes:
    return sha256(code.replace("-", "").replace(" ", "").upper().encode()).digest()


def _picture(uri: str) -> str:
    """Return the QR code as an SVG document without colours of its own."""
    out = BytesIO()
    colours = {"dark": "#000", "light": "#fff"}
    segno.make(uri, error="m").save(out, kind="svg", xmldecl=False, omitsize=True, **colours)
    return out.getvalue().decode()
