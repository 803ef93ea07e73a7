"""The command `tianshu`: one module per noun."""

import sys
from collections.abc import Callable

import typer

from api.cli import accounts, convert, database, decode, grid, imports, lab, reference, roads, serve, up
from services.errors import TianshuError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
GROUPS: tuple[typer.Typer, ...] = (accounts.app, grid.app, imports.app, lab.app, roads.app)
COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    up.register,
    serve.register,
    decode.register,
    convert.register,
    database.register,
    reference.register,
)

for group in GROUPS:
    app.add_typer(group)
for register in COMMANDS:
    register(app)


def main() -> None:
    """Run the command; an error that a caller is meant to read is one sentence and exit code 2."""
    try:
        app()
    except TianshuError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)
