"""The operator's reference, written from the code itself: settings and routes."""

from pathlib import Path
from typing import Any

import typer
from pydantic_core import PydanticUndefined

from api.cli import permissions, row_security
from api.main import routes
from services.settings import Settings


def settings_page() -> str:
    """Return the page of all settings."""
    rows = [
        f"| `TIANSHU_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nEnvironment variables, read once when a process starts.\n\n"
    return head + "| variable | default | what it does |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def routes_page() -> str:
    """Return the page of all HTTP routes."""
    rows = [
        f"| {method} | `{route.path}` | {(route.description or '').splitlines()[0]} |"
        for route in routes()
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    head = (
        "# HTTP\n\nThe full schema, with every field and its unit, is served at `/openapi.json` to those signed in. "
        "Errors are problem+json (RFC 9457).\n\n"
    )
    return head + "| | path | what it does |\n|---|---|---|\n" + "\n".join(rows) + "\n"


PAGES = {
    "settings.md": settings_page,
    "http.md": routes_page,
    "permissions.md": permissions.permissions_page,
    "row-security.md": row_security.row_security_page,
}


def _shown(default: Any) -> str:
    if default is PydanticUndefined or default is None:
        return "—"
    return f"`{default}`"


def register(app: typer.Typer) -> None:
    """Add `tianshu reference`."""

    @app.command("reference")
    def write_reference(folder: Path = typer.Argument(Path("docs/reference"))) -> None:
        """Write the reference pages from the code."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in PAGES.items():
            (folder / name).write_text(page(), encoding="utf-8")
        typer.echo(f"Wrote {', '.join(PAGES)} in {folder}")
