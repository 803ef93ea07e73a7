"""Is the service alive, is it ready, what does it count."""

from fastapi import APIRouter, Response
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
    """The process lives. Open to everyone."""
    return HealthOut(status="alive")


@router.get("/ready")
async def read_readiness(db: deps.ReadDb) -> HealthOut:
    """The database answers. Open to everyone; 503 when it does not."""
    await check_ready(db)
    return HealthOut(status="ready")


@router.get("/metrics")
async def read_metrics(who: deps.Who) -> Response:
    """Prometheus counters of the API process."""
    await access.grant(who, access.Act.VIEW_METRICS)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
