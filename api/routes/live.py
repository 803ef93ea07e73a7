"""The live map's stream."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from api import deps
from services import live

router = APIRouter(tags=["live"])

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def follow_live(
    request: Request,
    who: deps.Who,
    session: deps.Session,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse:
    """Server-sent events: `snapshot` first (or, with `Last-Event-ID`, what was missed), then a `delta` per change.

    The data is `{"units": […], "calls": […], "alerts": […]}`; calls and alerts as their own routes give them, a unit
    as `[unit_id, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at_epoch_s, state]`. After ten minutes, or when
    the page is ten seconds behind, the stream ends: come again with `Last-Event-ID`, and nothing is lost. It ends
    within seconds when the session is ended or the right to look is taken away.
    """
    look = await live.watch(who)
    known = int(last_event_id) if last_event_id and last_event_id.isdecimal() else None
    events = request.app.state.hub.follow(look, session.session_id, known)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)
