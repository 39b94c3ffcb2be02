"""The door for outgoing HTTP, when an answer takes long, is large, or never ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.http import HttpClient

pytestmark = pytest.mark.integration

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that reads one request and lets the handler answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await handler(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def lines_of(http: HttpClient, url: str, *, silence_secs: float = 5.0) -> list[str]:
    async with http.lines(url, silence_secs=silence_secs) as lines:
        return [line async for line in lines]


async def test_an_answer_without_a_limit_is_waited_for(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(HEAD + b"at last")

    async with serving(answer) as url:
        assert (await http.request("GET", url, timeout_secs=None)).text == "at last"
        with pytest.raises(ChannelError, match=r"did not answer within 0\.1 s"):
            await http.request("GET", url, timeout_secs=0.1)


async def test_an_answer_that_breaks_off_without_a_limit_has_an_unknown_outcome(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.transport.abort()

    async with serving(answer) as url:
        with pytest.raises(ChannelError) as caught:
            await http.request("POST", url, timeout_secs=None)
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_no_more_of_an_answer_is_read_than_was_asked_for(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"x" * 300_000)

    async with serving(answer) as url:
        assert len((await http.request("GET", url)).text) == 65_536
        assert len((await http.request("GET", url, max_answer=1 << 20)).text) == 300_000
        assert len((await http.request("GET", url, max_answer=10)).text) == 10


async def test_lines_come_one_by_one_however_they_were_cut(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for piece in (b"data: o", b"ne\r", b"\n\ndata: \xc3", b"\xa4\n:", b"\nrest"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(answer) as url:
        assert await lines_of(http, url) == ["data: one", "", "data: ä", ":"]


async def test_a_line_is_there_before_the_answer_ends(http: HttpClient):
    end = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"first\n")
        await writer.drain()
        await end.wait()
        writer.write(b"second\n")

    async with serving(answer) as url, http.lines(url, silence_secs=5) as lines:
        assert await anext(lines) == "first"
        end.set()
        assert await anext(lines) == "second"
        with pytest.raises(StopAsyncIteration):
            await anext(lines)


async def test_a_stream_that_falls_silent_is_given_up(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"first\n")
        await writer.drain()
        await asyncio.sleep(5)

    async with serving(answer) as url:
        with pytest.raises(ChannelError):
            await lines_of(http, url, silence_secs=0.1)


async def test_a_line_without_an_end_is_given_up(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for _ in range(100):
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with serving(answer) as url:
        with pytest.raises(ChannelError, match="a line of more than 65536 bytes"):
            await lines_of(http, url)


async def test_a_refused_stream_is_no_stream(http: HttpClient):
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    async with serving(answer) as url:
        with pytest.raises(ChannelError, match=r"127\.0\.0\.1 answered 503") as caught:
            await lines_of(http, url)
    assert caught.value.outcome is Outcome.RETRY


async def test_a_stream_of_nobody_cannot_be_reached(http: HttpClient):
    with pytest.raises(ChannelError, match=r"127\.0\.0\.1 cannot be reached") as caught:
        await lines_of(http, "http://127.0.0.1:9/?key=s3cret")
    assert "s3cret" not in str(caught.value)
