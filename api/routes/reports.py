"""Reports on response times: as JSON, as CSV, as a map that opens offline."""

import asyncio
import io
from dataclasses import asdict, astuple, fields
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from api import deps, hardening
from api.schemas import Model
from maps import response as page
from services import dispatch, sheets
from services.dispatch import response

router = APIRouter(prefix="/reports", tags=["reports"])

CSV, HTML = "text/csv; charset=utf-8", "text/html; charset=utf-8"


class RowOut(Model):
    """Calls with a key in common: how many, how soon a unit arrived, how many in time."""

    key: str
    calls: int
    arrived: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    on_time: int
    on_time_share: float | None


class BinOut(Model):
    """Calls up to so many seconds after they were taken; null: later."""

    up_to_s: int | None
    count: int


class BinsOut(Model):
    """The columns of the weekly report: signed for, set out, reported back."""

    sign_for: list[BinOut]
    set_out: list[BinOut]
    feedback: list[BinOut]


class ReportOut(Model):
    """How soon the calls taken from `start` to before `end` were answered; `total` is the row of all."""

    start: datetime
    end: datetime
    by: response.By
    rows: list[RowOut]
    total: RowOut
    bins: BinsOut


class Span(Model):
    """Which calls, and what the rows are."""

    start: AwareDatetime
    end: AwareDatetime
    by: response.By = response.By.KIND


class Drawing(Span):
    """In which language."""

    lang: Literal["zh", "en"] = "zh"


Asked = Annotated[Span, Query()]


@router.get("/response")
async def report_response(who: deps.Who, db: deps.ReadDb, settings: deps.Config, asked: Asked) -> ReportOut:
    """Response times by kind, division, beat or hour (Beijing), against the targets, and in the weekly bins."""
    found = await response.report_response(who, db, settings, start=asked.start, end=asked.end, by=asked.by)
    bins = {name: [BinOut.model_validate(one) for one in getattr(found, name)] for name in BinsOut.model_fields}
    return ReportOut(
        start=found.start,
        end=found.end,
        by=found.by,
        rows=[RowOut.model_validate(row) for row in found.rows],
        total=RowOut.model_validate(found.total),
        bins=BinsOut(**bins),
    )


@router.get("/response.csv", response_class=Response)
async def write_response(who: deps.Who, db: deps.ReadDb, settings: deps.Config, asked: Asked) -> Response:
    """The same rows as a table for spreadsheets."""
    found = await response.report_response(who, db, settings, start=asked.start, end=asked.end, by=asked.by)
    text = io.StringIO()
    text.write(sheets.BOM)
    table = sheets.Sheet(text)
    table.add(field.name for field in fields(response.Row))
    table.add_all(astuple(row) for row in [*found.rows, found.total])
    headers = {"Content-Disposition": 'attachment; filename="response.csv"'}
    return Response(text.getvalue(), media_type=CSV, headers=headers)


@router.get("/response.html", response_class=Response)
async def draw_response(
    who: deps.Who, db: deps.ReadDb, settings: deps.Config, now: deps.Now, asked: Annotated[Drawing, Query()]
) -> Response:
    """The same as one page with a map of the calls; it opens offline and asks the network for nothing."""
    found = await response.report_response(who, db, settings, start=asked.start, end=asked.end, by=asked.by)
    book = dispatch.tables(settings)
    names = {code: getattr(kind.name, asked.lang) for code, kind in book.kinds.items()}
    html = await asyncio.to_thread(page.render, _drawn(found, names, now), asked.lang)
    policy = await asyncio.to_thread(hardening.offline_policy, html)
    headers = {"Content-Security-Policy": policy, "Content-Disposition": 'inline; filename="response.html"'}
    return Response(html, media_type=HTML, headers=headers)


def _drawn(found: response.Report, names: dict[str, str], now: datetime) -> page.ResponseReport:
    named = found.by is response.By.KIND
    rows = [asdict(row) | {"key": names.get(row.key, row.key) if named else row.key} for row in found.rows]
    calls = [
        page.Answer(call.lon_deg, call.lat_deg, names.get(call.kind, call.kind), call.arrived_s, call.target_s)
        for call in found.calls
        if call.lon_deg is not None and call.lat_deg is not None
    ]
    return page.ResponseReport(found.start, found.end, now, found.by.value, rows, asdict(found.total), calls)
