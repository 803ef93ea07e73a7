"""What the cameras and microphones of terminals took: a list by device, and one file at a time."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import deps
from api.schemas import Id, Model, Page
from services import media

router = APIRouter(prefix="/devices/{device_id}/media", tags=["devices"])


class MediumOut(Model):
    """A medium: kind 0 image, 1 sound, 2 film; format 0 JPEG, 1 TIF, 2 MP3, 3 WAV, 4 WMV; event as in 0x0800.

    `fix_at` is the time of the fix that says where, if one does. Without `sha256` there is no file: the terminal only
    announced it, or `refused` says why it was not kept.
    """

    id: int
    number: int
    kind: int
    format: int
    event: int
    channel: int
    at: datetime
    received_at: datetime
    fix_at: datetime | None
    size: int | None
    sha256: str | None
    refused: str | None


@router.get("")
async def list_media(
    who: deps.Who,
    db: deps.ReadDb,
    device_id: Id,
    cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=media.MAX_PAGE)] = 50,
) -> Page[MediumOut]:
    """What a device took, newest first, without the files themselves."""
    found = await media.list_media(who, db, device_id, before_id=cursor, limit=limit)
    return Page(items=[_out(one) for one in found], next_cursor=str(found[-1].id) if len(found) == limit else None)


@router.get("/{media_id}/file", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
async def download_medium(
    who: deps.Who, db: deps.ReadDb, settings: deps.Config, device_id: Id, media_id: Id
) -> Response:
    """One file as the terminal sent it. It is bytes to be saved, whatever the terminal calls them."""
    file = await media.read_file(who, db, settings, device_id=device_id, media_id=media_id)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Tianshu-SHA256": file.sha256}
    return Response(file.data, media_type="application/octet-stream", headers=headers)


def _out(one: media.Medium) -> MediumOut:
    names = MediumOut.model_fields.keys() - {"sha256"}
    return MediumOut(**{name: getattr(one, name) for name in names}, sha256=one.sha256.hex() if one.sha256 else None)
