"""Who may do what, read from the code itself: the table of permissions, and the act behind each route."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api import deps
from api.main import routes
from services import access

_GRANT = re.compile(r"access\.(?:grant|look)\(\s*(?:mandate|who), access\.Act\.(\w+)")
SIGNED_IN, HALF, OPEN = "whoever is signed in", "whoever has shown the password", "everyone"
DEVICE = "a device's own token"
_HEAD = """# Permissions

Written by `tianshu reference` from the code. A role permits what its column marks; every use is recorded, and so is
every refusal. Some acts have limits beside the role: a track is read for a day on duty, or inside an approved
authorisation of a case.

"""


def permissions_page() -> str:
    """Return the page: act by role, what never meets, who needs a second factor, and the act behind each route."""
    roles = list(access.Role)
    rows = [
        f"| `{act}` | " + " | ".join("●" if role in access.PERMISSIONS[act] else "" for role in roles) + " |"
        for act in access.Act
    ]
    head = "| act | " + " | ".join(f"`{role}`" for role in roles) + " |\n|---|" + "---|" * len(roles) + "\n"
    separated = "".join(f"- `{'` and `'.join(sorted(pair))}`\n" for pair in access.SEPARATED)
    factor = ", ".join(f"`{role}`" for role in roles if role in access.SECOND_FACTOR)
    doors = "".join(f"| {verb} | `{route.path}` | {guard(route)} |\n" for verb, route in verbs())
    return (
        f"{_HEAD}## Act by role\n\n{head}" + "\n".join(rows) + f"\n\n## Never in one person\n\n{separated}\n"
        f"## With a second factor\n\n{factor}.\n\n"
        f"## Act behind each route\n\n| | path | asks for |\n|---|---|---|\n{doors}"
    )


def verbs() -> list[tuple[str, APIRoute]]:
    """Return every route with each of its verbs."""
    return [(verb, route) for route in routes() for verb in sorted((route.methods or set()) - {"HEAD"})]


def guard(route: APIRoute) -> str:
    """Return what a route asks for, in words."""
    acts = sorted(acts_of(route.endpoint))
    if acts:
        return ", ".join(f"`{act}`" for act in acts)
    asked = set(_asked(route.dependant))
    if deps.officer in asked:
        return SIGNED_IN
    if deps.recognise in asked:
        return HALF
    return DEVICE if any(getattr(one, "__name__", "") == "_speaker" for one in asked) else OPEN


def acts_of(function: Callable[..., Any]) -> frozenset[access.Act]:
    """Return the acts that a route, or what it calls in its own file and in services, asks a grant for."""
    source = textwrap.dedent(inspect.getsource(function))
    found = {access.Act[name] for name in _GRANT.findall(source)}
    for node in ast.walk(ast.parse(source)):
        called = _called(node, function) if isinstance(node, ast.Call) else None
        if called is not None and called is not function:
            found |= acts_of(called)
    return frozenset(found)


def _called(call: ast.Call, function: Callable[..., Any]) -> FunctionType | None:
    """Return the function of ours that a call names: one of the same file, or of a module of services."""
    names = inspect.unwrap(function).__globals__
    match call.func:
        case ast.Name(name):
            target = names.get(name)
            same = isinstance(target, FunctionType) and target.__module__ == function.__module__
            return target if same else None
        case ast.Attribute(ast.Name(module), name):
            home = names.get(module)
            ours = isinstance(home, ModuleType) and home.__name__.startswith("services.") and home is not access
            target = getattr(home, name, None) if ours else None
            return target if isinstance(target, FunctionType) and _takes_mandate(target) else None
    return None


def _takes_mandate(function: FunctionType) -> bool:
    return next(iter(inspect.signature(function).parameters), "") == "mandate"


def _asked(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _asked(one)
