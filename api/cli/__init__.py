"""The command `tianshu`: one module per noun, read when it is asked for, so that a small command starts at once."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from services.errors import TianshuError

MODULES = {
    "up": "up",
    "install": "up",
    "api": "serve",
    "gateway": "serve",
    "worker": "serve",
    "writer": "serve",
    "exchange": "exchange",
    "platforms": "exchange",
    "mqtt": "serve",
    "healthy": "serve",
    "migrate": "database",
    "reset": "database",
    "accounts": "accounts",
    "import": "imports",
    "roads": "roads",
    "decode": "decode",
    "convert": "convert",
    "grid": "grid",
    "lab": "lab",
    "audit": "audit",
    "retention": "retention",
    "subject": "subject",
    "keys": "keys",
    "reference": "reference",
}
"""Which module of this folder holds a command or a group of commands."""


class _Nouns(TyperGroup):
    """Finds commands in MODULES."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in MODULES:
            return None
        module, holder = import_module(f"api.cli.{MODULES[cmd_name]}"), typer.Typer(add_completion=False)
        if hasattr(module, "register"):
            module.register(holder)
        else:
            holder.add_typer(module.app)
        return typer.main.get_group(holder).commands[cmd_name]


app = typer.Typer(cls=_Nouns, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def describe() -> None:
    """Tianshu 天枢: BeiDou tracks for dispatch, parks and corrections."""


def main() -> None:
    """Run the command; an error that a caller is meant to read is one sentence and exit code 2."""
    try:
        app()
    except TianshuError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)
