"""Industrial parks: what lies in them, what happened, where it gathers, and the report to take along."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import shapely
from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AwareDatetime, Field
from starlette.datastructures import UploadFile

from api import deps, hardening
from api.schemas import Model, Page
from geo import crs, density
from maps import features, report
from services import parks
from services.errors import InvalidError

router = APIRouter(prefix="/parks", tags=["parks"])

GEOJSON = "application/geo+json"
DEFAULT_PERIOD = timedelta(days=365)
MAX_UPLOAD_BYTES = 32 * 1024 * 1024
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "source"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "CSV, UTF-8 or GB 18030"},
                        "source": {"type": "string", "description": "Where it comes from; ids are unique in a source"},
                        "crs": {"type": "string", "description": "EPSG:n of the coordinates", "default": "EPSG:4490"},
                    },
                }
            }
        },
    }
}

CellM = Annotated[float, Query(ge=parks.MIN_CELL_M, le=parks.MAX_CELL_M, description="Width of a cell, metres")]
Start = Annotated[
    AwareDatetime | None, Query(description="First moment that counts; a year before the end if left out")
]
End = Annotated[AwareDatetime | None, Query(description="First moment that counts no more; now if left out")]
Inspections = Annotated[bool, Query(description="Count what inspections and patrols found, too")]


class ParkIn(Model):
    """A park to enter; `shape` is a GeoJSON Polygon or MultiPolygon in CGCS2000 degrees."""

    name: str = Field(min_length=1, max_length=120)
    shape: dict[str, Any]
    synthetic: bool = False


class ParkOut(Model):
    """A park; `enterprises` is how many are entered in it."""

    id: int
    name: str
    shape: dict[str, Any]
    synthetic: bool
    enterprises: int


class EnterpriseIn(Model):
    """An enterprise, CGCS2000 degrees."""

    name: str = Field(min_length=1, max_length=120)
    industry: str = Field("", max_length=120)
    lon_deg: float = Field(ge=-180, le=180)
    lat_deg: float = Field(ge=-90, le=90)


class EnterprisesOut(Model):
    """How many enterprises were entered or corrected."""

    stored: int


class RejectedOut(Model):
    """A row that was left out: its line in the file (the header is line 1) and why."""

    line: int
    reason: str


class ImportedOut(Model):
    """What became of a file: rows added, rows known before, rows left out."""

    added: int
    known: int
    rejected: list[RejectedOut]


@router.get("")
async def list_parks(who: deps.Who, db: deps.ReadDb) -> Page[ParkOut]:
    """All parks, by name."""
    return Page(items=[_park_out(park) for park in await parks.list_parks(who, db)])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_park(body: ParkIn, who: deps.Who, db: deps.WriteDb) -> ParkOut:
    """Enter a park."""
    return _park_out(await parks.create_park(who, db, name=body.name, shape=body.shape, synthetic=body.synthetic))


@router.post("/incidents", openapi_extra=UPLOAD)
async def import_incidents(request: Request, who: deps.Who, db: deps.WriteDb, now: deps.Now) -> ImportedOut:
    """Enter incidents of a CSV file with the columns id, kind, at, lon_deg, lat_deg and detection_origin.

    A file with a column about persons is refused as a whole. Bad rows are left out and told with their line.
    """
    data, source, epsg = await _upload(request)
    done = await parks.import_incidents(who, db, data, source=source, epsg=epsg, now=now)
    return ImportedOut.model_validate(done)


@router.get("/{park_id}/enterprises")
async def list_enterprises(park_id: int, who: deps.Who, db: deps.ReadDb) -> JSONResponse:
    """The enterprises of a park as GeoJSON points."""
    return JSONResponse(_enterprises(await parks.list_enterprises(who, db, park_id)), media_type=GEOJSON)


@router.post("/{park_id}/enterprises")
async def import_enterprises(
    park_id: int, body: Annotated[list[EnterpriseIn], Field(max_length=10_000)], who: deps.Who, db: deps.WriteDb
) -> EnterprisesOut:
    """Enter enterprises of a park, or correct those of the same name."""
    new = [parks.NewEnterprise(one.name, one.industry, one.lon_deg, one.lat_deg) for one in body]
    return EnterprisesOut(stored=await parks.import_enterprises(who, db, park_id, new))


@router.get("/{park_id}/hotspots")
async def find_hot_spots(
    park_id: int,
    who: deps.Who,
    db: deps.ReadDb,
    now: deps.Now,
    *,
    cell_m: CellM = 200,
    start: Start = None,
    end: End = None,
    inspections: Inspections = False,
) -> Response:
    """The cells of a park as GeoJSON, each with its count, its Gi* score and what the score was made of.

    Beside the features stands a summary: how many incidents counted, how many took no part and who noticed those,
    and whether there are enough to conclude anything.
    """
    first, last = _period(start, end, now)
    found = await parks.find_hot_spots(
        who, db, park_id, cell_m=cell_m, start=first, end=last, count_inspections=inspections
    )
    text = await asyncio.to_thread(lambda: json.dumps(_cells(found), ensure_ascii=False, separators=(",", ":")))
    return Response(text, media_type=GEOJSON)


@router.get("/{park_id}/report", response_class=HTMLResponse)
async def make_report(
    park_id: int,
    who: deps.Who,
    db: deps.ReadDb,
    now: deps.Now,
    *,
    lang: Literal["zh", "en"] = "zh",
    cell_m: CellM = 200,
    start: Start = None,
    end: End = None,
    inspections: Inspections = False,
) -> HTMLResponse:
    """The hot spots of a park as one HTML file that opens offline, with the reason of each in words."""
    first, last = _period(start, end, now)
    found = await parks.find_hot_spots(
        who, db, park_id, cell_m=cell_m, start=first, end=last, count_inspections=inspections
    )
    enterprises = await parks.list_enterprises(who, db, park_id)
    page = await asyncio.to_thread(lambda: report.render(_report(found, enterprises, now), lang))
    name = f"hotspots-{park_id}-{last.astimezone(report.BEIJING):%Y%m%d}.html"
    policy = await asyncio.to_thread(hardening.offline_policy, page)
    disposition = f'inline; filename="{name}"'
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "Content-Disposition": disposition})


async def _upload(request: Request) -> tuple[bytes, str, str]:
    """Return file, source and reference system of an upload; read only now, when the sender is known.

    Raises:
        InvalidError: a field is missing, or the upload is too long or does not tell its length.
    """
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_UPLOAD_BYTES:
        raise InvalidError(
            "An upload tells its length and is at most {most_mb} MB long.", most_mb=MAX_UPLOAD_BYTES // 1024**2
        )
    async with request.form(max_files=1, max_fields=8) as form:
        file, source, epsg = form.get("file"), form.get("source"), form.get("crs") or f"EPSG:{crs.CGCS2000}"
        if not isinstance(file, UploadFile) or not isinstance(source, str) or not source.strip():
            raise InvalidError("Send multipart/form-data with the fields file (CSV) and source (where it comes from).")
        return await file.read(), source.strip(), str(epsg)


def _period(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the period asked for: a year up to now unless something else is said."""
    last = end or now
    return start or last - DEFAULT_PERIOD, last


def _park_out(park: parks.ParkView) -> ParkOut:
    shape = shapely.geometry.mapping(park.shape)
    return ParkOut(id=park.id, name=park.name, shape=shape, synthetic=park.synthetic, enterprises=park.enterprises)


def _enterprises(found: list[parks.EnterpriseView]) -> features.Collection:
    return features.collection(
        features.point(one.lon_deg, one.lat_deg, {"name": one.name, "industry": one.industry}, one.id) for one in found
    )


def _cells(found: parks.ParkHotSpots) -> features.Collection:
    summary = {
        "park_id": found.park.id,
        "start": found.start.isoformat(),
        "end": found.end.isoformat(),
        "cell_m": found.spots.lattice.cell_m,
        "epsg": found.epsg,
        "incidents": len(found.counted),
        "left_out": dict(found.left_out),
        "inspections_counted": found.inspections_counted,
        "enough": found.spots.enough,
        "min_incidents": density.MIN_INCIDENTS,
        "fdr": density.FDR,
    }
    return features.cells(found.spots, found.p_scattered, found.epsg, found.kinds, summary=summary)


def _report(found: parks.ParkHotSpots, enterprises: list[parks.EnterpriseView], now: datetime) -> report.HotSpotReport:
    return report.HotSpotReport(
        park=found.park.name,
        synthetic=found.park.synthetic,
        shape=found.park.shape,
        cells=_cells(found),
        incidents=features.collection(features.point(one.lon_deg, one.lat_deg, {}) for one in found.counted),
        enterprises=_enterprises(enterprises),
        left_out=found.left_out,
        inspections_counted=found.inspections_counted,
        cell_m=found.spots.lattice.cell_m,
        epsg=found.epsg,
        start=found.start,
        end=found.end,
        made_at=now,
    )
