"""Passwords: what may be one, and how it is kept (NIST SP 800-63B-4, section 3.1.1).

At least 15 characters where the password is the only factor, 12 beside a second one (the standard asks for 8);
every character counts as one, spaces and all scripts are welcome, no rule of composition, no forced change; refused
are the common ones, runs, repetitions, and those made of the person's or the service's own name.
"""

import asyncio
import re
import secrets
import unicodedata
from functools import cache
from importlib import resources

import argon2
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from services.errors import InvalidError, Saying

MIN_ALONE = 15
MIN_BESIDE_A_FACTOR = 12
MAX = 200
OWN_WORDS = ("tianshu", "天枢", "beidou", "北斗", "zhuzhou", "株洲", "police", "警察")
"""Words of this service, which an attacker tries first."""
_RUNS = "0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm"
_MIN_DIFFERENT = 5
_EDGES = r"[\W\d_]+"

_hasher = argon2.PasswordHasher()  # argon2id, parameters of RFC 9106 (second recommendation)


class WeakPasswordError(InvalidError):
    """The password is one that is guessed; the sentence says why."""


def check(password: str, username: str, *, second_factor: bool) -> None:
    """Refuse a password that is too short, too long or too easily guessed.

    Raises:
        WeakPasswordError: saying which.
    """
    text = _normal(password)
    least = MIN_BESIDE_A_FACTOR if second_factor else MIN_ALONE
    if not least <= len(text) <= MAX:
        raise WeakPasswordError(
            "A password has {least} to {most} characters here: a few unrelated words, say.", least=least, most=MAX
        )
    reason = _guessable(text.casefold(), username.casefold())
    if reason:
        raise WeakPasswordError("This password is easily guessed: {reason}.", reason=reason)


def make() -> str:
    """Return a random password of 120 bits."""
    return secrets.token_urlsafe(15)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return _hasher.hash(_normal(password))


async def matches(kept: str | None, password: str) -> bool:
    """Return whether it is the password, off the event loop; no account takes as long as a wrong password."""
    return await asyncio.to_thread(_matches, kept or _nobody(), password) and kept is not None


@cache
def common() -> frozenset[str]:
    """Return the 30,000 most common passwords of zxcvbn's list, and those of this country and of this service."""
    here = resources.files("services.access").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(FREQUENCY_LISTS["passwords"]) | frozenset(here.split())


def _guessable(text: str, username: str) -> str:
    """Return why it is guessed early, or nothing."""
    core = re.sub(f"^{_EDGES}|{_EDGES}$", "", text)
    if text in common() or core in common():
        return Saying("it is on the list of common passwords")
    if not core:
        return Saying("it holds digits and signs only, as telephone and identity numbers do")
    if len(set(text)) < _MIN_DIFFERENT or _repeats(text):
        return Saying("it repeats itself")
    if any(text in run * 2 or text in run[::-1] * 2 for run in _RUNS):
        return Saying("it is a run of keys or letters")
    names = [word for word in (username, *OWN_WORDS) if len(word) > 1]
    for word in names:
        text = text.replace(word, "")
    if len(re.sub(_EDGES, "", text)) < _MIN_DIFFERENT and any(names):
        return Saying("it is the user name or the name of this service with a few signs")
    return ""


def _repeats(text: str) -> bool:
    found = re.fullmatch(r"(.{1,8}?)\1+(.{0,7})", text)
    return bool(found and found[1].startswith(found[2]))


def _normal(password: str) -> str:
    """Return one spelling of what looks the same (Unicode NFC)."""
    return unicodedata.normalize("NFC", password)


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, _normal(password))
    except argon2.exceptions.VerificationError:
        return False
