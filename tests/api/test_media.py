"""What a terminal's camera took: kept once, answered after the commit, shown to who may see it, destroyed in time."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from services import access, audit, media, retention
from services.db.engine import writing
from services.ingest.jt808 import build, messages, parts
from services.ingest.jt808.framing import Version, close_frame
from services.ingest.jt808.messages import media as wire
from services.ingest.jt808.messages import session
from services.ingest.jt808.messages.position import Status
from services.settings import Settings
from tests.builders.database import know, quarantined, rows
from tests.builders.terminals import PHONE, Terminal, a_report

NOW = datetime.now(UTC).replace(microsecond=0)
BASIC = build.position(NOW - timedelta(minutes=5), 113.1, 27.8)
PICTURE = b"\xff\xd8" + bytes(range(256)) * 12


def a_picture(data: bytes = PICTURE, number: int = 7, report: object = BASIC) -> wire.MediaData:
    return wire.MediaData(number, 0, 0, 3, 2, report, data)


def packets_of(terminal: Terminal, message: object) -> list[bytes]:
    """The frames of a long message, as the terminal sends them."""
    whole = messages.encode(message, phone=terminal.phone, serial=terminal.serial + 1, version=terminal.version)
    frames = parts.split(whole)
    terminal.serial += len(frames)
    return [close_frame(frame) for frame in frames]


async def upload(terminal: Terminal, message: object) -> object:
    await terminal.send(*packets_of(terminal, message))
    return await terminal.hear()


def files_in(settings: Settings) -> list[Path]:
    return sorted(path for path in media.folder(settings).rglob("*") if path.is_file())


async def test_a_picture_is_kept_once_with_the_fix_that_says_where(
    signed_in: Terminal, engine: AsyncEngine, settings: Settings
) -> None:
    assert (await signed_in.ask(wire.MediaEvent(7, 0, 0, 3, 2))).result == 0
    assert await rows(engine, "SELECT number, event, channel, size, sha256, fix_at FROM media") == [
        (7, 3, 2, None, None, None)
    ]
    for _ in range(2):
        assert await upload(signed_in, a_picture()) == wire.MediaReply(7)
    digest = sha256(PICTURE).digest()
    (row,) = await rows(
        engine,
        "SELECT number, kind, format, event, channel, media.at, size, sha256, ST_X(place::geometry) FROM media "
        "JOIN fix ON fix.device_id = media.device_id AND fix.at = fix_at AND payload_hash = fix_hash",
    )
    assert row == (7, 0, 0, 3, 2, BASIC.at, len(PICTURE), digest, 113.1)
    assert [path.read_bytes() for path in files_in(settings)] == [PICTURE]
    assert files_in(settings) == [media.path_of(media.folder(settings), digest)]


async def test_the_place_of_a_picture_is_a_fix_with_the_packet_it_stood_in(signed_in: Terminal, client) -> None:
    first, *others = packets_of(signed_in, a_picture())
    await signed_in.send(*others, first)
    assert await signed_in.hear() == wire.MediaReply(7)
    frames = (await (await client("system_admin")).get("/devices/1/frames")).json()["items"]
    assert [(each["raw_hex"], each["error"]) for each in frames] == [(first.hex(), None)]


async def test_a_picture_with_enciphered_coordinates_is_quarantined_and_shows_no_place(
    signed_in: Terminal, engine: AsyncEngine
) -> None:
    hidden = build.position(NOW, 113.1, 27.8, status=Status.POSITIONED | Status.ENCRYPTED)
    assert await upload(signed_in, a_picture(report=hidden)) == wire.MediaReply(7)
    assert await quarantined(engine, 1) == ["enciphered"]
    assert await rows(engine, "SELECT ST_X(place::geometry), ST_Y(place::geometry) FROM fix") == [(0, 0)]
    assert await rows(engine, "SELECT 1 FROM newest_fix") == []


async def test_pieces_of_2011_are_put_together_and_those_missing_are_asked_for(
    gateway: Gateway, engine: AsyncEngine
) -> None:
    async with Terminal.on(gateway.port, version=Version.V2011) as terminal:
        await terminal.sign_in()

        def piece(number: int) -> wire.MediaData2011:
            return wire.MediaData2011(9, 0, 0, 1, 2, 3, number, bytes([number]) * 900)

        assert (await terminal.ask(piece(1))).result == 0
        assert await terminal.ask(piece(3)) == wire.MediaReply(9, (2,))
        assert await terminal.ask(piece(2)) == wire.MediaReply(9)
    whole = b"\1" * 900 + b"\2" * 900 + b"\3" * 900
    assert await rows(engine, "SELECT sha256, fix_at FROM media") == [(sha256(whole).digest(), None)]


async def test_beyond_the_room_nothing_is_kept_and_the_terminal_is_told_no(
    engine: AsyncEngine, settings: Settings
) -> None:
    await know(engine, PHONE)
    small = settings.model_copy(update={"gateway_port": 0, "media_room_mb": 0})
    async with Gateway(engine, small).serving() as gateway, Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        answer = await upload(terminal, a_picture(b"\xff"))
        assert isinstance(answer, session.PlatformReply)
        assert (answer.answered_id, answer.result) == (0x0801, session.Result.FAILED)
    assert await rows(engine, "SELECT refused, sha256, size FROM media") == [("no_room", None, 1)]
    assert files_in(settings) == []
    async with writing(engine) as db:
        taken = media.Taken(1, 7, 0, 0, 3, 2, NOW, data=b"\xff")
        assert await media.keep(db, settings, taken)
    assert await rows(engine, "SELECT refused, size FROM media") == [(None, 1)]


async def test_a_picture_that_is_not_committed_is_not_answered(signed_in: Terminal, engine: AsyncEngine) -> None:
    async with writing(engine) as db:
        await db.execute(text("ALTER TABLE media RENAME TO media_away"))
    try:
        await signed_in.send(*packets_of(signed_in, a_picture(b"\xff")))
        assert await signed_in.hears_nothing(1.0)
    finally:
        async with writing(engine) as db:
            await db.execute(text("ALTER TABLE media_away RENAME TO media"))
    assert (await signed_in.ask(a_report())).result == 0


async def test_dispatchers_fetch_a_picture_as_a_file_to_save_and_the_trail_says_so(
    signed_in: Terminal, engine: AsyncEngine, client
) -> None:
    await upload(signed_in, a_picture())
    dispatcher = await client("dispatcher")
    (one,) = (await dispatcher.get("/devices/1/media")).json()["items"]
    assert (one["number"], one["sha256"], one["size"]) == (7, sha256(PICTURE).hexdigest(), len(PICTURE))
    assert not {"lon_deg", "lat_deg"} & one.keys()
    answer = await dispatcher.get(f"/devices/1/media/{one['id']}/file")
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="device-1-media-7.jpg"'
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    looks = await rows(engine, "SELECT act, target, rows FROM audit WHERE act IN ('view_media') ORDER BY id")
    assert looks[0][:2] == ("view_media", f"device:1 media:{one['id']}")


@pytest.mark.parametrize(
    ("role", "listing", "fetching"), [("system_admin", 200, 403), ("investigator", 403, 403), ("auditor", 403, 403)]
)
async def test_who_only_keeps_devices_sees_that_there_are_pictures_and_not_the_pictures(
    signed_in: Terminal, client, role: str, listing: int, fetching: int
) -> None:
    await upload(signed_in, a_picture())
    caller = await client(role)
    assert (await caller.get("/devices/1/media")).status_code == listing
    assert (await caller.get("/devices/1/media/1/file")).status_code == fetching


async def test_a_picture_of_another_device_or_one_only_announced_is_not_found(
    signed_in: Terminal, engine: AsyncEngine, client
) -> None:
    await know(engine, "13800000002")
    await upload(signed_in, a_picture())
    await signed_in.ask(wire.MediaEvent(8, 0, 0, 3, 2))
    dispatcher = await client("dispatcher")
    announced, kept = (await dispatcher.get("/devices/1/media")).json()["items"]
    assert (await dispatcher.get(f"/devices/2/media/{kept['id']}/file")).status_code == 404
    assert (await dispatcher.get(f"/devices/1/media/{announced['id']}/file")).status_code == 404


async def test_a_file_that_was_changed_or_is_gone_is_not_given_out(
    signed_in: Terminal, settings: Settings, client
) -> None:
    await upload(signed_in, a_picture())
    dispatcher = await client("dispatcher")
    (path,) = files_in(settings)
    path.write_bytes(b"another")
    assert (await dispatcher.get("/devices/1/media/1/file")).status_code == 503
    path.unlink()
    assert (await dispatcher.get("/devices/1/media/1/file")).status_code == 404


async def test_retention_destroys_the_row_and_the_file_and_leaves_what_another_row_names(
    engine: AsyncEngine, settings: Settings
) -> None:
    await know(engine, PHONE)
    await know(engine, "13800000002")
    async with writing(engine) as db:
        for device, number, data in ((1, 1, b"old"), (1, 2, b"shared"), (2, 1, b"shared"), (2, 2, b"new")):
            await media.keep(db, settings, media.Taken(device, number, 0, 0, 0, 0, NOW, data=data))
        await db.execute(text("UPDATE media SET received_at = now() - interval '200 days' WHERE device_id = 1"))
    operator = access.system_mandate(audit.Ledger(engine))
    done = [one for one in await retention.apply(operator, engine, settings, now=NOW) if one.rule.what == "media"]
    assert [(one.rows, one.files) for one in done] == [(2, 1)]
    assert {path.read_bytes() for path in files_in(settings)} == {b"shared", b"new"}
    assert await rows(engine, "SELECT what, rows FROM destruction") == [("media", 2)]
    said = await rows(engine, "SELECT target FROM audit WHERE act = 'apply_retention' AND rows = 2")
    assert str(said[0][0]).endswith("files 1")


async def test_a_file_whose_commit_failed_is_swept_away(engine: AsyncEngine, settings: Settings) -> None:
    await know(engine, PHONE)
    async with writing(engine) as db:
        await media.keep(db, settings, media.Taken(1, 1, 0, 0, 0, 0, NOW, data=b"lost"))
        await db.rollback()
    assert len(files_in(settings)) == 1
    assert await media.sweep(engine, settings) == 1
    assert files_in(settings) == []
