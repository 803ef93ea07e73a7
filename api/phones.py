"""Fixes as phone apps tell them, in JSON, over HTTP or MQTT: read, judged, stored, counted."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from fastapi import FastAPI
from pydantic import AwareDatetime, Field, ValidationError

from api.schemas import Model
from geo import quality
from geo.fix import NO_DOUBT, Fix, Quality, Source, payload_hash
from services import phones
from services.alerts import EMERGENCY
from services.db import engine as databases
from services.errors import InvalidError, NotAllowedError
from services.pipeline import Pipeline
from services.settings import Settings

MAX_FIXES = 1000
MAX_BYTES = 512 * 1024


class OtherDeviceError(NotAllowedError):
    """The token belongs to another device."""


class FixIn(Model):
    """One position: CGCS2000 (as WGS 84) degrees, SI units, a time with its zone."""

    at: AwareDatetime = Field(description="When the phone was there, with a zone, e.g. 2026-05-01T12:00:00+08:00")
    lon_deg: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat_deg: float = Field(ge=-90, le=90, allow_inf_nan=False)
    altitude_m: float | None = Field(None, ge=-1000, le=100_000, allow_inf_nan=False)
    speed_mps: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    heading_deg: float | None = Field(None, ge=0, le=360, allow_inf_nan=False, description="Clockwise from north")
    accuracy_m: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False, description="95 % radius")
    sos: bool = Field(default=False, description="The emergency button is pressed")
    late: bool = Field(default=False, description="Kept while there was no network")


class FixesIn(Model):
    """Fixes of one device; each is judged by itself, so that a bad one costs no other."""

    phone: str = Field(pattern=r"^[1-9a-f][0-9a-f]{0,19}$", description="The device's own number")
    fixes: list[Any] = Field(max_length=MAX_FIXES, description="Each as in FixIn")


class RejectedOut(Model):
    """A fix that was not stored: its place in the list, from 0, and why."""

    index: int
    reason: str


class AnswerOut(Model):
    """What became of the fixes; those stored are committed, those repeated had been stored before."""

    stored: int
    repeated: int
    rejected: list[RejectedOut]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that could be read: its fixes as they are stored, and what was rejected."""

    fixes: list[Fix]
    rejected: list[RejectedOut]


def read_body(body: bytes) -> FixesIn:
    """Read JSON.

    Raises:
        InvalidError: it is not what `FixesIn` says.
    """
    try:
        return FixesIn.model_validate_json(body)
    except ValidationError as error:
        raise InvalidError("{what}", what=_sentence(error)[:1000]) from error


def read_fixes(body: bytes, phone: phones.Phone, settings: Settings, now: datetime, source: Source) -> Request:
    """Read JSON and judge each fix by itself; what is doubtful is flagged, what is none is rejected with its reason.

    Raises:
        InvalidError: it is not what `FixesIn` says.
        OtherDeviceError: the request names another device than the one that speaks.
    """
    given = read_body(body)
    if given.phone != phone.phone:
        raise OtherDeviceError("This token is not that of the device {phone}.", phone=given.phone)
    fixes, rejected = list[Fix](), list[RejectedOut]()
    for index, item in enumerate(given.fixes):
        try:
            said = json.dumps(item, ensure_ascii=False)
            fix = _fix(FixIn.model_validate_json(said), phone.device_id, settings, now, source)
            fixes.append(replace(fix, raw=said.encode()))
        except ValidationError as error:
            rejected.append(RejectedOut(index=index, reason=_sentence(error)))
    return Request(fixes, rejected)


async def store(engine: databases.Engine, pipeline: Pipeline, request: Request) -> AnswerOut:
    """Return after the commit what became of the fixes.

    Raises:
        UnavailableError: the database is away; nothing was stored, the same request may come again.
    """
    unique = {(fix.device_id, fix.at, fix.payload_hash): fix for fix in request.fixes}
    async with databases.reading(engine) as db:
        known = await phones.known_of(db, list(unique.values()))
    new = [fix for key, fix in unique.items() if key not in known]
    if new:
        await pipeline.submit(new)
    return AnswerOut(stored=len(new), repeated=len(request.fixes) - len(new), rejected=request.rejected)


@asynccontextmanager
async def start(app: FastAPI) -> AsyncIterator[None]:
    """Run a pipeline beside the requests of an application, in `app.state.pipeline`."""
    async with Pipeline(app.state.intake, app.state.settings).running() as pipeline:
        app.state.pipeline = pipeline
        yield


def request_hash(body: bytes) -> bytes:
    """What tells a repeated request from another one with the same key."""
    return sha256(body).digest()


def _fix(told: FixIn, device_id: int, settings: Settings, now: datetime, source: Source) -> Fix:
    doubts = quality.judge(
        lon_deg=told.lon_deg,
        lat_deg=told.lat_deg,
        at=told.at,
        now=now,
        future_tolerance=timedelta(seconds=settings.future_tolerance_s),
        past_tolerance=timedelta(days=settings.past_tolerance_days),
    )
    payload = told.model_dump_json(exclude={"late"}).encode()
    return Fix(
        device_id=device_id,
        at=told.at,
        lon_deg=told.lon_deg,
        lat_deg=told.lat_deg,
        payload_hash=payload_hash(payload),
        altitude_m=told.altitude_m,
        speed_mps=told.speed_mps,
        heading_deg=None if told.heading_deg is None else told.heading_deg % 360,
        accuracy_m=told.accuracy_m,
        alarm=EMERGENCY if told.sos else 0,
        flags=doubts | (Quality.LATE if told.late else NO_DOUBT),
        source=source,
    )


def _sentence(error: ValidationError) -> str:
    found: Sequence[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in found)
