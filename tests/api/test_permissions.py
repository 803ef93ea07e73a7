"""Role by route by verb: what the code says it asks for is what it asks for."""

from typing import Any

import pytest
from hypothesis import find
from hypothesis import strategies as st

from api.cli import permissions
from api.main import create_app
from services import access
from services.settings import Settings
from tests.conftest import PASSWORD

BY_ITSELF = {("DELETE", "/sessions"), ("POST", "/logout")}  # they end the session that asks
NOWHERE = 999_999_999
MOMENTS = {"date-time": "2026-11-20T00:00:00Z", "date": "2026-11-16"}


def sample(schema: dict[str, Any], known: dict[str, Any]) -> Any:  # noqa: PLR0911 -- one for each form
    """Return the smallest thing that a JSON schema accepts, as far as a form goes."""
    if "$ref" in schema:
        return sample(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return sample(several[0], known)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            made = {name: sample(schema["properties"][name], known) for name in wanted}
            return made | ({"password": PASSWORD} if "password" in made else {})
        case "array":
            return [sample(schema.get("items", {}), known)] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    if schema.get("format") in MOMENTS:
        return MOMENTS[schema["format"]]
    pattern = schema.get("pattern")
    return find(st.from_regex(pattern, fullmatch=True), lambda _: True) if pattern else "words"


@pytest.fixture(scope="module")
def requests() -> list[tuple[str, str, dict[str, Any], frozenset[access.Act]]]:
    """Every guarded route with each verb: path, what to send, and the acts that the code asks for."""
    described = create_app(Settings(database_url="postgresql://nobody@nowhere/nothing")).openapi()
    known = described["components"]["schemas"]
    found = []
    for verb, route in permissions.verbs():
        acts = permissions.acts_of(route.endpoint)
        if not acts or (verb, route.path) in BY_ITSELF:
            continue
        path = route.path
        operation = described["paths"][route.path][verb.lower()]
        for one in operation.get("parameters", []):
            if one["in"] == "path":
                value = NOWHERE if one["schema"].get("type") == "integer" else sample(one["schema"], known)
                path = path.replace(f"{{{one['name']}}}", str(value))
        more: dict[str, Any] = {}
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            more["json"] = sample(content["application/json"]["schema"], known)
        elif "multipart/form-data" in content:
            more["files"], more["data"] = {"file": ("x.csv", b"id\n", "text/csv")}, {"source": "test"}
        query = [one for one in operation.get("parameters", []) if one["in"] == "query" and one["required"]]
        more["params"] = {one["name"]: sample(one["schema"], known) for one in query}
        found.append((verb, path, more, acts))
    return found


@pytest.mark.parametrize("role", sorted(access.Role))
async def test_a_role_passes_exactly_the_routes_its_acts_open(client, requests, role):
    who = await client(role)
    passed = refused = 0
    for verb, path, more, acts in requests:
        allowed = all(role in access.PERMISSIONS[act] for act in acts)
        if allowed and path == "/stream":
            continue  # it does not end; tests of the stream follow it
        answer = await who.request(verb, path, **more)
        kind = answer.json().get("type") if answer.headers["content-type"] == "application/problem+json" else None
        if allowed:
            passed += 1
            assert answer.status_code != 401, f"{verb} {path}"
            assert kind != "urn:tianshu:RoleRefused", f"{verb} {path} refused {role}"
        else:
            refused += 1
            assert (answer.status_code, kind) == (403, "urn:tianshu:RoleRefused"), f"{verb} {path}: {answer.text}"
    assert passed >= 1
    assert refused > 30


async def test_every_route_that_is_not_open_asks_for_a_session():
    silent = {permissions.guard(route) for _, route in permissions.verbs()}
    assert {permissions.OPEN, permissions.HALF, permissions.SIGNED_IN} < silent


def test_every_act_is_permitted_to_somebody_and_every_role_to_something():
    assert set(access.PERMISSIONS) == set(access.Act)
    assert all(access.PERMISSIONS.values())
    assert set().union(*access.PERMISSIONS.values()) == set(access.Role)


def test_every_role_has_a_purpose():
    assert set().union(*access.PURPOSES.values()) == set(access.Role)
