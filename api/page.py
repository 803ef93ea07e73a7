"""Health and metrics of a process over HTTP/1.0, answered by the loop that does the work."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

_TIMEOUT_S = 5


async def start(host: str, port: int) -> asyncio.Server:
    """Listen for GET /health and GET /metrics."""
    return await asyncio.start_server(_serve, host, port, limit=4096)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(_answer(request.split(b" ", 2)[1:2]))
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # a visitor who does not speak HTTP, or left
    finally:
        writer.close()


def _answer(path: list[bytes]) -> bytes:
    match path:
        case [b"/health"]:
            return _response(b"200 OK", "text/plain", b"alive\n")
        case [b"/metrics"]:
            return _response(b"200 OK", CONTENT_TYPE_LATEST, generate_latest())
    return _response(b"404 Not Found", "text/plain", b"/health or /metrics\n")


def _response(status: bytes, media_type: str, body: bytes) -> bytes:
    head = b"HTTP/1.0 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, media_type.encode(), len(body)) + body
