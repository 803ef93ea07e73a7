"""The keys under which secrets lie in the database, so that a copy of the database alone opens nothing.

Fernet (AES-128-CBC with HMAC-SHA-256). Several keys may stand: the first one closes, all of them open, so a new one
put before the old one rotates them.
"""

import os
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.errors import UnavailableError
from services.settings import Settings

FILE = "secret.keys"


class KeysError(UnavailableError):
    """The keys are malformed, or not those the secrets were closed with."""


class Keyring:
    """Closes and opens secrets."""

    def __init__(self, keys: str) -> None:
        """`keys`: Fernet keys, newest first, parted by white space or commas.

        Raises:
            KeysError: one of them is no Fernet key, or there is none.
        """
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys.replace(",", " ").split()])
        except ValueError as error:
            raise KeysError("TIANSHU_SECRET_KEYS needs Fernet keys: 32 bytes each, in URL-safe base64.") from error

    def close(self, secret: str) -> bytes:
        """Return the secret under the newest key."""
        return self._fernet.encrypt(secret.encode())

    def close_again(self, box: bytes) -> bytes:
        """Return a box under the newest key that holds what a box under any of them held.

        Raises:
            KeysError: none of the keys opens it.
        """
        return self.close(self.open(box))

    def open(self, box: bytes) -> str:
        """Return the secret in a box.

        Raises:
            KeysError: none of the keys opens it.
        """
        try:
            return self._fernet.decrypt(box).decode()
        except InvalidToken as error:
            raise KeysError("The keys of this server don't open what the database keeps.") from error


def load(settings: Settings) -> Keyring:
    """Return the keys of the settings, or those kept in the data folder: made on first use, its owner's alone."""
    if settings.secret_keys is not None:
        return Keyring(settings.secret_keys.get_secret_value())
    file = settings.data_dir / FILE
    if not file.exists():
        _make(file)
    return Keyring(file.read_text(encoding="ascii"))


def renew(settings: Settings) -> None:
    """Put a new key before those in the data folder; from the next start on it closes, and all of them open.

    Raises:
        KeysError: the keys are in the settings, where the operator puts a new one first by hand.
    """
    file = _file(settings)
    load(settings)
    _write(file, Fernet.generate_key() + b"\n" + file.read_bytes())


def forget_old(settings: Settings) -> None:
    """Leave only the newest key in the data folder, once nothing is closed with another.

    Raises:
        KeysError: the keys are in the settings.
    """
    file = _file(settings)
    _write(file, file.read_bytes().split()[0] + b"\n")


def _file(settings: Settings) -> Path:
    if settings.secret_keys is not None:
        raise KeysError("The keys stand in TIANSHU_SECRET_KEYS: put a new one first there, then restart.")
    return settings.data_dir / FILE


def _write(file: Path, content: bytes) -> None:
    draft = file.with_name(f"{FILE}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)


def _make(file: Path) -> None:
    """Write a new key completely before it takes its name, so that of two processes that start together one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{FILE}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(Fernet.generate_key() + b"\n")
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()
