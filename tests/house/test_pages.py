"""What the pages ask the service for exists there."""

import re
from itertools import zip_longest
from pathlib import Path

from pydantic import SecretStr

from api.main import create_app
from services.settings import Settings

SOURCES = Path(__file__).parents[2] / "maps" / "web" / "src"
VERBS = {"get": "get", "all": "get", "save": "get", "post": "post", "put": "put", "patch": "patch", "remove": "delete"}
ASKING = re.compile(rf"\b({'|'.join(VERBS)})(?:<[^(]*>)?\(\s*([`\"])(/[^`\"]*)\2")
FILLED = re.compile(r"\$\{[^}]*\}+")


def asked() -> list[tuple[str, str, str]]:
    """Return file, verb and path of every request that a page spells out; what it fills in is an asterisk."""
    return [
        (source.name, VERBS[found[1]], FILLED.sub("*", re.sub(r"\$\{query\(.*|\?.*", "", found[3])))
        for source in sorted(SOURCES.rglob("*.ts"))
        for found in ASKING.finditer(source.read_text("utf-8"))
    ]


def fits(path: str, route: str) -> bool:
    """Return whether a path, with asterisks for what is filled in, may be one of a route's."""
    parts = zip_longest(path.split("/"), route.split("/"))
    return all(
        said is not None
        and known is not None
        and (known.startswith("{") or re.fullmatch(said.replace("*", ".*"), known))
        for said, known in parts
    )


def test_what_the_pages_ask_for_are_routes():
    described = create_app(Settings(database_url=SecretStr("postgresql://nobody"))).openapi()["paths"]
    assert len(asked()) > 100
    assert [
        (source, verb, path)
        for source, verb, path in asked()
        if not any(verb in verbs and fits(path, route) for route, verbs in described.items())
    ] == []
