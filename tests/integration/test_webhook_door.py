"""The door for outgoing HTTP against servers that misbehave in every way we could think of."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.http import USER_AGENT, HttpClient

pytestmark = pytest.mark.integration

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


class Server:
    """A server of raw bytes; `requests` is what it read."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                await self._handler(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(handler)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/SECRET"
    try:
        yield server
    finally:
        listener.close()


def says(*pieces: bytes, close: bool = False, pause: float = 0.0) -> Handler:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if close:
            writer.close()

    return handler


def answer(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def refused(http: HttpClient, url: str, **options: object) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await http.request("POST", url, content=b"{}", **options)  # type: ignore[arg-type] # options of many types
    error = caught.value
    assert "SECRET" not in f"{error.message}{error.hint}{error!r}"
    assert error.__suppress_context__ or error.__context__ is None
    return error


async def test_a_request_goes_out_as_given_and_the_answer_comes_back(http: HttpClient) -> None:
    async with serving(says(answer(b"caf\xc3\xa9", "201 Created", "X-Request-Id: 7", "Set-Cookie: a=b"))) as server:
        got = await http.request("PUT", server.url + "/a%2Fb?q=%26", headers={"X-One": "1"}, content=b'{"a":1}')
        await http.request("POST", server.url)
    assert (got.status, got.text, got.host, got.headers["x-request-id"]) == (201, "café", "127.0.0.1", "7")
    first, second = server.requests
    assert first.startswith(b"PUT /SECRET/a%2Fb?q=%26 HTTP/1.1\r\n")
    assert first.endswith(b'\r\n\r\n{"a":1}')
    lower = first.lower()
    assert f"user-agent: {USER_AGENT}\r\n".encode() in lower
    assert b"x-one: 1\r\n" in lower
    assert b"accept-encoding: identity\r\n" in lower
    assert b"cookie" not in second.lower()
    assert server.connections == 1, "a connection is used again"


async def test_a_redirect_is_reported_and_not_followed(http: HttpClient) -> None:
    async with serving(says(answer())) as target:
        async with serving(says(answer(b"", "307 Temporary Redirect", f"Location: {target.url}"))) as server:
            assert (await http.request("POST", server.url)).status == 307
        assert target.connections == 0


async def test_no_proxy_is_taken_from_the_environment(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(says(answer())) as proxy, serving(says(answer())) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/SECRET"))
        await http.request("POST", server.url)
        assert proxy.connections == 0


async def test_a_connection_refused_is_tried_again(http: HttpClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await refused(http, f"http://127.0.0.1:{taken.getsockname()[1]}/SECRET")
    assert error.outcome is Outcome.RETRY
    assert "127.0.0.1 cannot be reached" in error.message


async def test_a_name_that_cannot_be_resolved_is_tried_again(http: HttpClient) -> None:
    error = await refused(http, "http://no-such-host.invalid/SECRET")
    assert error.outcome is Outcome.RETRY
    assert "no-such-host.invalid cannot be resolved" in error.message


async def test_a_server_that_accepts_no_connection_is_tried_again(http: HttpClient) -> None:
    """A full backlog: the kernel drops what comes after, so connecting never ends."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        error = await refused(http, f"http://127.0.0.1:{address[1]}/SECRET", timeout_secs=1)
        for each in waiting:
            each.close()
    assert error.outcome is Outcome.RETRY
    assert "did not accept a connection" in error.message


@pytest.mark.parametrize(
    "handler",
    [
        says(close=True),
        says(b"HTTP/1.1 200", close=True),
        says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", close=True),
        says(b"HTTP/1.1 abc nonsense\r\n\r\n", close=True),
        says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", close=True),
    ],
    ids=["closes", "breaks off", "speaks ssh", "garbage", "endless header"],
)
async def test_without_a_status_line_the_outcome_is_unknown(http: HttpClient, handler: Handler) -> None:
    async with serving(handler) as server:
        error = await refused(http, server.url, timeout_secs=2)
    assert error.outcome is Outcome.UNKNOWN
    assert "may have arrived" in error.message


async def test_a_server_that_says_nothing_is_left_after_the_deadline(http: HttpClient) -> None:
    async with serving(says(pause=30)) as server:
        started = time.monotonic()
        error = await refused(http, server.url, timeout_secs=1)
    assert time.monotonic() - started < 3
    assert error.outcome is Outcome.UNKNOWN
    assert error.message == "127.0.0.1 did not answer within 1 s; the message may have arrived"


async def test_drips_do_not_extend_the_deadline(http: HttpClient) -> None:
    async with serving(says(*[b"H", b"T", b"T", b"P", b"/"] * 20, pause=0.2)) as server:
        started = time.monotonic()
        error = await refused(http, server.url, timeout_secs=1)
    assert time.monotonic() - started < 3
    assert error.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "handler",
    [
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nok", close=True),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nok", pause=30),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"nonsense\r\n", close=True, pause=0.1),
    ],
    ids=["breaks off", "never ends", "bad chunk"],
)
async def test_an_answer_that_breaks_off_keeps_its_status_and_says_so(http: HttpClient, handler: Handler) -> None:
    async with serving(handler) as server:
        got = await http.request("POST", server.url, timeout_secs=1)
    assert (got.status, got.text[:2], got.is_whole) == (200, "ok", False)


async def test_no_more_than_64_kib_of_an_answer_is_read(http: HttpClient) -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        for _ in range(7600):
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with serving(flood) as server:
        got = await http.request("POST", server.url)
        assert len(got.text) == 65_536
        assert got.is_whole
        assert await _settled(lambda: sent) < 50_000_000


async def _settled(read: Callable[[], int]) -> int:
    before = -1
    while before != read():
        before = read()
        await asyncio.sleep(0.1)
    return before


async def test_nothing_is_decompressed(http: HttpClient) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    async with serving(says(answer(bomb, "200 OK", "Content-Encoding: gzip"))) as server:
        got = await http.request("POST", server.url)
    assert (got.status, got.text) == (200, "")


async def test_a_slow_host_does_not_delay_another(http: HttpClient) -> None:
    async with serving(says(pause=30)) as slow, serving(says(answer())) as quick:
        stuck = [asyncio.create_task(refused(http, slow.url, timeout_secs=2)) for _ in range(50)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await asyncio.gather(*(http.request("POST", quick.url) for _ in range(20)))
        assert time.monotonic() - started < 1
        await asyncio.gather(*stuck)


async def test_what_waits_for_a_free_connection_too_long_was_never_sent(http: HttpClient) -> None:
    async with serving(says(pause=30)) as slow:
        errors = await asyncio.gather(*(refused(http, slow.url, timeout_secs=2) for _ in range(40)))
    assert [error.outcome for error in errors].count(Outcome.UNKNOWN) == slow.connections == 32
    assert [error.outcome for error in errors].count(Outcome.RETRY) == 8


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://example.com/SECRET", {}),
        ("http:///SECRET", {}),
        ("http://[::1/SECRET", {}),
        ("SECRET", {}),
        ("http://127.1/SECRET", {}),
        ("http://127.0.0.1:1/x", {"X-Token": "SECRET\r\nX-Evil: 1"}),
        ("http://127.0.0.1:1/x", {"X-Token": "SECRETé"}),
        ("http://127.0.0.1:1/x", {"X\nToken": "SECRET"}),
    ],
)
async def test_a_request_that_cannot_be_made_is_refused_for_good(http: HttpClient, url: str, headers: dict[str, str]) -> None:
    assert (await refused(http, url, headers=headers)).outcome is Outcome.PERMANENT


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"]
)
async def test_a_url_from_elsewhere_reaches_no_private_host(http: HttpClient, host: str) -> None:
    async with serving(says(answer())) as server:
        port = server.url.rpartition(":")[2]
        error = await refused(http, f"http://{host}:{port}", deny_private=True)
        assert (error.outcome, server.connections) == (Outcome.PERMANENT, 0)


async def test_a_missing_file_of_authorities_is_named(http: HttpClient, tmp_path: Path) -> None:
    error = await refused(http, "https://127.0.0.1:1/SECRET", ca_file=str(tmp_path / "ca.pem"))
    assert error.outcome is Outcome.HOLD
    assert "ca.pem" in error.message


async def test_a_certificate_is_checked_unless_told_otherwise(http: HttpClient, tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with serving(says(answer()), tls) as server:
        error = await refused(http, server.url)
        assert (error.outcome, server.requests) == (Outcome.RETRY, [])
        assert error.message == "the certificate of 127.0.0.1 is not trusted: self-signed certificate"
        assert (await http.request("POST", server.url, ca_file=str(certificate))).status == 200
        assert (await http.request("POST", server.url, verify=False)).status == 200


async def test_a_certificate_for_another_name_is_not_trusted(http: HttpClient, tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, "127.0.0.9")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with serving(says(answer()), tls) as server:
        error = await refused(http, server.url, ca_file=str(certificate))
        assert (error.outcome, server.requests) == (Outcome.RETRY, [])
        assert "IP address mismatch" in error.message


async def test_https_to_a_server_that_speaks_http_is_tried_again(http: HttpClient) -> None:
    async with serving(says(answer())) as server:
        error = await refused(http, server.url.replace("http:", "https:"), timeout_secs=3)
    assert error.outcome is Outcome.RETRY


def _certificate(folder: Path, address: str) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
