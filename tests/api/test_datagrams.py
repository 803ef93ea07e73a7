"""JT/T 808 over UDP, and over TLS."""

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from services.ingest.jt808 import build
from services.ingest.jt808.messages import session
from services.settings import Settings
from tests.builders.database import fixes, know, quarantined
from tests.builders.terminals import PHONE, Terminal, a_report

OK, FAILED = 0, 1


@pytest.fixture
async def udp_port(engine: AsyncEngine, settings: Settings) -> AsyncIterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    await know(engine, PHONE)
    chosen = settings.model_copy(update={"gateway_port": 0, "gateway_udp_port": port})
    async with Gateway(engine, chosen).serving():
        yield port


async def test_a_terminal_reports_in_datagrams_and_is_answered_after_the_commit(udp_port, engine) -> None:
    async with Terminal.over_udp(udp_port) as terminal:
        await terminal.sign_in()
        for number in range(5):
            assert (await terminal.ask(a_report(number))).result == OK
            assert await fixes(engine) == number + 1
        assert (await terminal.ask(session.Heartbeat())).result == OK


async def test_what_comes_while_the_database_is_asked_is_heard_afterwards(udp_port, engine) -> None:
    async with Terminal.over_udp(udp_port) as terminal:
        code = (await terminal.register()).code
        assert code is not None
        await terminal.send(terminal.frame(build.authenticate(terminal.version, code)))
        for number in range(10):
            await terminal.send(terminal.report(number))
        assert {(await terminal.hear()).result for _ in range(11)} == {OK}
        assert await fixes(engine) == 10


async def test_each_address_authenticates_for_itself_and_the_newer_one_takes_over(udp_port, engine) -> None:
    async with Terminal.over_udp(udp_port) as first, Terminal.over_udp(udp_port) as second:
        code = await first.sign_in()
        assert (await second.ask(a_report())).result == FAILED
        assert await quarantined(engine, 1) == ["unauthenticated"]
        assert await second.authenticate(code) == OK
        assert (await second.ask(a_report(1))).result == OK
        assert (await first.ask(a_report(2))).result == FAILED  # its way was closed: it is a stranger again
        assert await fixes(engine) == 1


async def test_bytes_that_are_no_frame_cost_nobody_anything(udp_port, engine) -> None:
    async with Terminal.over_udp(udp_port) as terminal:
        await terminal.sign_in()
        await terminal.send(b"hello")
        await terminal.send(b"\x7e\x02\x00\x7e")
        assert (await terminal.ask(a_report())).result == OK
        assert "header" in await quarantined(engine, 1)


def write_certificate(folder: Path) -> Path:
    """Write a key and its own certificate for 127.0.0.1 into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = datetime.now(UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(place, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "gateway.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


async def test_with_a_certificate_the_tcp_port_speaks_tls_and_nothing_else(engine, settings, tmp_path) -> None:
    await know(engine, PHONE)
    certificate = write_certificate(tmp_path)
    chosen = settings.model_copy(update={"gateway_port": 0, "gateway_tls_cert": certificate})
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with Gateway(engine, chosen).serving() as gateway:
        async with Terminal.on(gateway.port, ssl=trusting) as terminal:
            await terminal.sign_in()
            assert (await terminal.ask(a_report())).result == OK
        async with Terminal.on(gateway.port) as plain:
            with pytest.raises((EOFError, ConnectionError)):
                await plain.ask(session.Heartbeat())
    assert await fixes(engine) == 1
