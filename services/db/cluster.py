"""A private PostgreSQL cluster that the program creates, starts and stops by itself.

PostgreSQL refuses to run as root: then the cluster belongs to the user ``postgres`` and lies where that user can reach.
"""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from services.errors import UnavailableError

_USER = "tianshu"
_SYSTEM_USER = "postgres"
_MAX_SOCKET_PATH = 80  # of the 107 bytes of sun_path, less the file's own name
_START_TIMEOUT_S = "120"
_MIN_SHARED_MB, _MAX_SHARED_MB = 128, 4096


class ClusterError(UnavailableError):
    """The private cluster can't be made or started; the sentence says why and what to do."""


class Cluster:
    """One cluster folder: ``data``, ``password``, ``server.log``. As a context it runs while the block does."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Choose the folder; `durable=False` (tests only) trades safety on power loss for speed."""
        self._account = pwd.getpwnam(_SYSTEM_USER) if os.geteuid() == 0 else None
        self.folder = self._reachable(folder.resolve())
        self._durable = durable
        self._started_here = False

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder."""
        return self.folder / "data"

    def __enter__(self) -> Self:
        """Start the cluster unless it runs already."""
        self._started_here = self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it if this block started it."""
        if self._started_here:
            self.stop()

    def url(self, database: str = "tianshu") -> str:
        """Return the address of a database of the running cluster, creating the database if need be."""
        password = quote((self.folder / "password").read_text().strip(), safe="")
        address = f"postgresql://{_USER}:{password}@127.0.0.1:{self._port()}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if not known:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return f"{address}/{database}"

    def is_running(self) -> bool:
        """Say whether a server runs on the folder."""
        return (self.data / "PG_VERSION").exists() and self._pg_ctl("status").returncode == 0

    def start(self) -> bool:
        """Create the cluster if it is new and start it; return False when it ran already."""
        if not (self.data / "PG_VERSION").exists():
            self._create()
        if self.is_running():
            return False
        self._configure()
        done = self._pg_ctl("start", "-w", "-t", _START_TIMEOUT_S, "-l", str(self.folder / "server.log"))
        if done.returncode != 0:
            raise ClusterError(f"The private PostgreSQL did not start; its log is {self.folder / 'server.log'}")
        return True

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; mode is PostgreSQL's own: fast or immediate."""
        if self.is_running():
            self._pg_ctl("stop", "-w", "-m", mode)

    def remove(self) -> None:
        """Stop the server and delete the folder with everything in it."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(24))
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
            os.chown(password_file, self._account.pw_uid, self._account.pw_gid)
        done = self._run(
            "initdb", "-D", str(self.data), "-U", _USER, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=scram-sha-256", f"--pwfile={password_file}", *([] if self._durable else ["--no-sync"]),
        )  # fmt: skip
        if done.returncode != 0:
            raise ClusterError(f"initdb failed in {self.folder}: {done.stderr.strip()}")

    def _configure(self) -> None:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        shared_mb = min(max(memory_mb // 8, _MIN_SHARED_MB), _MAX_SHARED_MB) if self._durable else _MIN_SHARED_MB
        values = {
            "listen_addresses": "127.0.0.1",
            "port": self._choose_port(),
            "unix_socket_directories": self._socket_folder(),
            "max_connections": 200,
            "shared_buffers": f"{shared_mb}MB",
            "effective_cache_size": f"{memory_mb // 2}MB",
            "work_mem": "16MB",
            "maintenance_work_mem": f"{max(shared_mb // 4, 64)}MB",
            "max_wal_size": "4GB",
            "wal_compression": "on",
            "random_page_cost": 1.1,
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        lines = "".join(f"{name} = '{value}'\n" for name, value in values.items())
        (self.data / "tianshu.conf").write_text(lines)
        main = self.data / "postgresql.conf"
        if "tianshu.conf" not in main.read_text():
            main.write_text(main.read_text() + "\ninclude 'tianshu.conf'\n")

    def _choose_port(self) -> int:
        """Return the port of last time if it is free, so that a restart is found where the server was."""
        known = self.data / "tianshu.conf"
        found = re.search(r"port = '(\d+)'", known.read_text()) if known.exists() else None
        return int(found[1]) if found and _is_free(int(found[1])) else _free_port()

    def _socket_folder(self) -> str:
        if len(str(self.folder)) <= _MAX_SOCKET_PATH:
            return str(self.folder)
        folder = Path(tempfile.gettempdir()) / f"tianshu-{sha256(str(self.folder).encode()).hexdigest()[:12]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        return str(folder)

    def _port(self) -> int:
        lines = (self.data / "postmaster.pid").read_text().splitlines()
        return int(lines[3])

    def _pg_ctl(self, act: str, *options: str) -> subprocess.CompletedProcess[str]:
        return self._run("pg_ctl", act, "-D", str(self.data), "-s", *options)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        account = self._account
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        with tempfile.TemporaryFile("w+") as errors:  # a pipe would stay open in the server and never end
            done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
                [_programs() / program, *arguments],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                check=False,
                **as_user,
            )
            errors.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read())

    def _reachable(self, folder: Path) -> Path:
        """Return the folder itself, or one below /var/lib where the system user can't reach it."""
        if self._account is None:
            return folder
        above = next(parent for parent in [folder, *folder.parents] if parent.exists())
        probe = subprocess.run(  # noqa: S603
            ["test", "-x", str(above)],  # noqa: S607
            user=self._account.pw_uid,
            group=self._account.pw_gid,
            extra_groups=[],
            check=False,
        )
        if probe.returncode == 0:
            return folder
        return Path("/var/lib/tianshu") / sha256(str(folder).encode()).hexdigest()[:12]


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL's server programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise ClusterError(
        "PostgreSQL's server programs are not installed: run `tianshu install`, or apt-get install postgresql-15"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def without_password(url: str) -> str:
    """Return an address that may be shown."""
    return re.sub(r":[^:@/]+@", ":…@", url)
