"""Where phone apps report: fixes of a device, by the device's own token."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request, status

from api import deps, phones
from api.problems import NotSignedInError
from api.schemas import Id, Model
from geo.fix import Source
from services import phones as service
from services.db.engine import reading, writing
from services.errors import Saying

router = APIRouter(tags=["fixes"])


class TokenOut(Model):
    """A device's token, shown this once."""

    token: str


async def _speaker(request: Request) -> service.Phone:
    """Return the device whose token the request shows; a person's token is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        async with reading(request.app.state.intake) as db:
            phone = await service.identify(db, token)
        if phone:
            return phone
    raise NotSignedInError("Show the token of a device as Authorization: Bearer.")


Speaker = Annotated[service.Phone, Depends(_speaker)]
Key = Annotated[str, Header(alias="idempotency-key", min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_BODY = {"content": {"application/json": {"schema": phones.FixesIn.model_json_schema()}}, "required": True}


@router.post("/fixes", openapi_extra={"requestBody": _BODY})
async def report_fixes(
    request: Request, phone: Speaker, key: Key, settings: deps.Config, now: deps.Now
) -> phones.AnswerOut:
    """Store fixes of a phone, shown a device's token; answered after the commit.

    The same Idempotency-Key with the same request gets the same answer for a day, and a fix is stored once whatever
    happens. Of a batch with bad fixes the good ones are stored and the others are named. 503 means that nothing was
    stored: send it again.
    """
    engine, body = request.app.state.intake, await _read(request)
    said = phones.request_hash(body)
    async with reading(engine) as db:
        answered = await service.recall(db, phone.device_id, key, said)
    if answered is not None:
        return phones.AnswerOut.model_validate(answered)
    told = phones.read_fixes(body, phone, settings, now, Source.HTTP)
    answer = await phones.store(engine, request.app.state.pipeline, told)
    async with writing(engine) as db:
        await service.remember(db, phone.device_id, key, said, answer.model_dump())
    return answer


@router.post("/devices/{device_id}/token", status_code=status.HTTP_201_CREATED)
async def issue_token(who: deps.Who, db: deps.WriteDb, device_id: Id) -> TokenOut:
    """Give a device a new token for POST /fixes; it replaces the one before and is shown this once."""
    return TokenOut(token=await service.issue_token(who, db, device_id))


@router.delete("/devices/{device_id}/token", status_code=status.HTTP_204_NO_CONTENT)
async def revoke_token(who: deps.Who, db: deps.WriteDb, device_id: Id) -> None:
    """Take the token of a device back."""
    await service.revoke_token(who, db, device_id)


async def _read(request: Request) -> bytes:
    """Return the body, never holding more than is allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > phones.MAX_BYTES:
            sentence = Saying("A request holds {most} bytes at most.", most=phones.MAX_BYTES)
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, sentence)
    return bytes(body)
