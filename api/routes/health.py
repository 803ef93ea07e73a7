"""Is the service alive, is it ready, what does it count."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api import deps
from api.schemas import Model
from services import access
from services.db.engine import check_ready

router = APIRouter(tags=["health"])


class HealthOut(Model):
    """A word that says the process answers."""

    status: str


@router.get("/health")
async def read_health() -> HealthOut:
    """Say that the process lives. Open to everyone."""
    return HealthOut(status="alive")


@router.get("/ready")
async def read_readiness(db: deps.DoorReadDb) -> HealthOut:
    """Say that the database answers, or 503. Open to everyone."""
    await check_ready(db)
    return HealthOut(status="ready")


@router.get("/metrics")
async def read_metrics(who: deps.Who) -> Response:
    """Count what the API process did, in Prometheus' words."""
    await access.grant(who, access.Act.VIEW_METRICS)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json")
async def read_schema(request: Request, _: deps.Who) -> dict[str, Any]:
    """Describe every route and every field, as OpenAPI 3.1."""
    schema: dict[str, Any] = request.app.openapi()
    return schema
