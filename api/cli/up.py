"""`tianshu up`: everything, in one command, until Ctrl-C."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from api import exchange, logs
from api.cli import accounts, database
from api.supervisor import Program, Supervisor
from services import packages
from services.db import migrate, security
from services.db.cluster import Cluster
from services.errors import UnavailableError
from services.settings import Settings

READY_TIMEOUT_S = 60
DEMO = (sys.executable, "-m", "demo")
_LOOK_EVERY_S = 5.0


class PortTakenError(UnavailableError):
    """Something else listens where the service wants to."""


def register(app: typer.Typer) -> None:
    """Add `tianshu up` and `tianshu install`."""

    @app.command("up")
    def run_everything(*, demo: bool = typer.Option(False, "--demo", help="With the demo city and its fleet.")) -> None:
        """Start the database, the gateway, the API and the worker, and keep them alive until Ctrl-C."""
        console = Console()
        settings = Settings()
        _refuse_taken_ports(settings)
        log_dir = settings.data_dir.resolve() / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        logs.configure((log_dir / "tianshu.log").open("a", buffering=1, encoding="utf-8"))
        if settings.database_url is not None:
            _prepare(settings, console)
            asyncio.run(_supervise(settings, console, None, demo=demo))
            return
        packages.ensure(packages.DATABASE)
        with console.status("Starting the private database …"):
            cluster = database.private_cluster(settings)
            cluster.__enter__()
        try:
            console.print(f"[green]✓[/] Database in {cluster.folder}")
            settings = settings.model_copy(update={"database_url": SecretStr(cluster.url())})
            _prepare(settings, console)
            asyncio.run(_supervise(settings, console, cluster, demo=demo))
        finally:
            with console.status("Stopping the database …"):
                cluster.__exit__(None, None, None)
            console.print("Everything has stopped.")

    @app.command("install")
    def install_packages(
        *, browser: bool = typer.Option(False, help="Also what the tests drive: Chromium, a Chinese font, mosquitto.")
    ) -> None:
        """Install the Debian packages the service stands on, where that is possible."""
        wanted = packages.DATABASE + (packages.TESTING if browser else ())
        with Console(stderr=True).status("Looking for PostgreSQL, PostGIS and pgRouting …"):
            installed = packages.ensure(wanted)
        typer.echo(f"Installed {', '.join(installed)}." if installed else "All Debian packages are there.")


def _refuse_taken_ports(settings: Settings) -> None:
    for name, host, port in (
        ("TIANSHU_API_PORT", settings.api_host, settings.api_port),
        ("TIANSHU_GATEWAY_PORT", settings.gateway_host, settings.gateway_port),
        ("TIANSHU_METRICS_PORT", "127.0.0.1", settings.metrics_port),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise PortTakenError(
                    f"{host}:{port} can't be used ({error.strerror}). Does Tianshu run already? Else set {name}."
                ) from error


def _prepare(settings: Settings, console: Console) -> None:
    with console.status("Bringing the tables up to date …"):
        migrate.upgrade(settings.database_address)
    console.print("[green]✓[/] Tables")


def _programs(settings: Settings) -> list[Program]:
    wanted = {"exchange": exchange.is_wanted(settings), "mqtt": settings.mqtt_url is not None}
    wanted |= {"writer": settings.bus_url is not None}
    names = ("worker", "api", "gateway", *(name for name, is_wanted in wanted.items() if is_wanted))
    return [Program(name, [sys.executable, "-m", "api.cli", name]) for name in names]


def _with_logins(programs: list[Program], settings: Settings) -> list[Program]:
    """Return the programs, each with a user of the private cluster who owns nothing."""
    addresses = {process: security.make_login(settings.database_address, process) for process in security.PROCESSES}
    return [
        replace(program, environment={"TIANSHU_DATABASE_URL": addresses.get(program.name, addresses["ingest"])})
        for program in programs
    ]


async def _supervise(settings: Settings, console: Console, cluster: Cluster | None, *, demo: bool) -> None:
    logins = await asyncio.to_thread(accounts.seed_demo_accounts, settings) if demo else {}
    log_dir = settings.data_dir.resolve() / "logs"
    environment = {
        **({} if cluster else {"TIANSHU_DATABASE_URL": settings.database_address}),
        "TIANSHU_DATA_DIR": str(settings.data_dir.resolve()),
    }
    programs = await asyncio.to_thread(_with_logins, _programs(settings), settings) if cluster else _programs(settings)
    supervisor = Supervisor(programs, environment, log_dir)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await supervisor.start()
    try:
        if await _ready(settings, console, stop):
            if demo and await _seed_demo(environment, stop):
                await supervisor.add(Program("demo", DEMO))
            _greet(settings, console, logins, log_dir)
        await _watch(cluster, stop)
    finally:
        with console.status("Stopping, in order …"):
            await supervisor.stop()


async def _ready(settings: Settings, console: Console, stop: asyncio.Event) -> bool:
    """Wait until the pages answer; say so, or say where to look."""
    address = f"http://{settings.api_host}:{settings.api_port}/ready"
    with console.status("Starting the gateway, the pages and the worker …"):
        async with httpx.AsyncClient(timeout=2) as client:
            for _ in range(READY_TIMEOUT_S * 4):
                with suppress(httpx.HTTPError):
                    if (await client.get(address)).is_success:
                        return True
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.25)
                    return False
    raise UnavailableError(f"The pages did not answer within {READY_TIMEOUT_S} s; see {settings.data_dir / 'logs'}")


async def _seed_demo(environment: Mapping[str, str], stop: asyncio.Event) -> bool:
    """Let the demo city move in, on this terminal, so that its progress is seen; return whether it did."""
    process = await asyncio.create_subprocess_exec(*DEMO, "--seed", env={**os.environ, **environment})
    seeding, stopping = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((seeding, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        with suppress(ProcessLookupError):
            process.terminate()
        await seeding
        return False
    return await seeding == 0


async def _watch(cluster: Cluster | None, stop: asyncio.Event) -> None:
    """Wait for the stop; meanwhile start the private database again should it die."""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
        if cluster and not stop.is_set():
            await asyncio.to_thread(cluster.start)


def _greet(settings: Settings, console: Console, logins: Mapping[str, Mapping[str, Any]], log_dir: Path) -> None:
    console.print(f"[green]✓[/] Gateway (JT/T 808) on {settings.gateway_host}:{settings.gateway_port}")
    console.print(f"\n[bold]天枢 Tianshu[/]  [link]http://{settings.api_host}:{settings.api_port}/[/]\n")
    if logins:
        table = Table("name", "password", "role", title="Demo logins", title_justify="left")
        for name, login in logins.items():
            table.add_row(name, str(login["password"]), ", ".join(login["roles"]))
        console.print(table)
        console.print("Second factor of an account that asks for one: [bold]tianshu accounts demo-code NAME[/]")
    console.print(f"Logs: {log_dir}   Stop: Ctrl-C", style="dim")
