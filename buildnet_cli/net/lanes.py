"""The transport behind `net/http`: a lane per destination, so that a slow one never delays another.

Its libraries take a quarter of a second and many megabytes to load, so this file is imported with the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from httpx_aiohttp import AiohttpTransport

from buildnet_cli.clock import Clock
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.address import is_private, is_private_host, leads_astray
from buildnet_cli.net.answer import Answer, classify
from buildnet_cli.net.faults import PrivateAddressError, denied, misleading, told
from buildnet_cli.net.http import USER_AGENT

_CONNECT_SECS = 5.0
_MAX_LINE = 65_536
# Receivers close idle connections, often after 5 s; a message written into a closing one would have an unknown outcome.
_IDLE_SECS = 4.0
_MAX_CONNECTIONS = 32
_MOST_URLS = 256
_NOT_ALLOWED = re.compile(r"[^\x20-\x7e]")
# Some answers take hours. A host that vanished without a word is found out after two to three minutes.
_PROBES = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 4))

# They write URLs at INFO, and some URLs are credentials.
for _name in ("httpx", "httpcore", "aiohttp"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class _Lane:
    origin: str
    verify: bool
    ca_file: str
    deny_private: bool


class Lanes:
    """Sends requests for `HttpClient`, which says what each argument means."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Transports without a client around them: what that would add, redirects, cookies and credentials, is not wanted here.
        self._lanes: dict[_Lane, AiohttpTransport] = {}
        self._trust: dict[tuple[bool, str], ssl.SSLContext] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes,
        timeout_secs: float | None,
        max_answer: int,
        verify: bool,
        ca_file: str,
        deny_private: bool,
    ) -> Answer:
        """Make one request and read the beginning of the answer. Raises ChannelError, which names the host and nothing else."""
        host = _host_of(url)
        if deny_private:
            _refuse_unsafe(url, host)
        lane = _Lane(_origin_of(url), verify, ca_file, deny_private)
        # Connecting gets at most half of the time, so whoever runs into the deadline had a connection and may have been heard.
        connect = _CONNECT_SECS if timeout_secs is None else min(_CONNECT_SECS, timeout_secs / 2)
        timeout = httpx.Timeout(None, connect=connect, pool=connect)
        with told(host, timeout_secs):
            request = _request(method, url, headers, content, timeout)
            return await self._exchange(self._transport(lane), request, host, timeout_secs, max_answer)

    @contextlib.asynccontextmanager
    async def lines(self, url: str, *, headers: Mapping[str, str], silence_secs: float) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer that never ends. Raises ChannelError, which names the host and nothing else."""
        host = _host_of(url)
        lane = _Lane(_origin_of(url), verify=True, ca_file="", deny_private=False)
        timeout = httpx.Timeout(silence_secs, connect=_CONNECT_SECS, pool=_CONNECT_SECS)
        with told(host, silence_secs):
            response = await self._transport(lane).handle_async_request(_request("GET", url, headers, b"", timeout))
        try:
            classify(Answer(response.status_code, {}, "", host, self._clock.now()))
            yield _lines_of(response, host, silence_secs)
        finally:
            await _close(response)

    async def close(self) -> None:
        """End every connection. No request may follow."""
        lanes, self._lanes = self._lanes, {}
        for transport in lanes.values():
            await transport.aclose()

    async def _exchange(
        self, transport: AiohttpTransport, request: httpx.Request, host: str, timeout_secs: float | None, max_answer: int
    ) -> Answer:
        response: httpx.Response | None = None
        body, is_whole = bytearray(), True
        try:
            async with asyncio.timeout(timeout_secs):
                response = await transport.handle_async_request(request)
                received_at = self._clock.now()
                async for chunk in _body_of(response):
                    body += chunk
                    if len(body) >= max_answer:
                        break
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError):
            # A refusal is one even if its text broke off; a success is none.
            if response is None:
                raise
            is_whole = False
        finally:
            if response is not None:
                await _close(response)
        headers = dict(response.headers.items())  # by lower-case name
        # Not decompressed: it was not asked for, and a small body could grow without bound.
        text = (
            ""
            if headers.get("content-encoding", "identity") != "identity"
            else bytes(body[:max_answer]).decode("utf-8", "replace")
        )
        return Answer(response.status_code, headers, text, host, received_at, is_whole)

    def _transport(self, lane: _Lane) -> AiohttpTransport:
        transport = self._lanes.get(lane)
        if transport is None:
            trust = self._trusted(lane.verify, lane.ca_file)
            connector = aiohttp.TCPConnector(
                limit=_MAX_CONNECTIONS,
                keepalive_timeout=_IDLE_SECS,
                ssl=trust,
                resolver=_PublicResolver() if lane.deny_private else None,
                use_dns_cache=not lane.deny_private,
                socket_factory=_probed_socket,
            )
            session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
            # Given what to trust, for it would load every authority once more.
            transport = self._lanes[lane] = AiohttpTransport(verify=trust, client=session)
        return transport

    def _trusted(self, verify: bool, ca_file: str) -> ssl.SSLContext:
        key = (verify, ca_file)
        if key not in self._trust:
            self._trust[key] = _trusting(verify, ca_file)
        return self._trust[key]


def _trusting(verify: bool, ca_file: str) -> ssl.SSLContext:
    if verify and ca_file:
        try:
            return ssl.create_default_context(cafile=ca_file)
        except OSError as exc:
            raise ChannelError(f"the authorities in {ca_file} cannot be read: {exc.strerror}", outcome=Outcome.HOLD) from None
    context = httpx.create_ssl_context(verify=verify, trust_env=False)
    context.load_default_certs()  # the machine's own authorities too, so that a company's CA works
    return context


def _probed_socket(info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    made = socket.socket(*info[:3])
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES:
        if hasattr(socket, name):  # each system knows some of them
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


async def _lines_of(response: httpx.Response, host: str, silence_secs: float) -> AsyncIterator[str]:
    rest = b""
    chunks = response.aiter_raw()
    while True:
        with told(host, silence_secs):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")
        if len(rest) > _MAX_LINE:
            raise ChannelError(f"{host} sent a line of more than {_MAX_LINE} bytes", outcome=Outcome.PERMANENT)


def _body_of(response: httpx.Response) -> httpx.AsyncByteStream:
    """What comes, as it comes, without the counting that httpx puts around it."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream


async def _close(response: httpx.Response) -> None:
    with contextlib.suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
        await response.aclose()


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. What was checked is what is connected to: no second look-up can differ."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if any(is_private(ipaddress.ip_address(entry["host"])) for entry in found):
            raise PrivateAddressError
        return found

    async def close(self) -> None:
        await self._system.close()


def _refuse_unsafe(url: str, host: str) -> None:
    """What can be told of a URL before its name is looked up."""
    if is_private_host(host):
        raise denied(host)
    if leads_astray(url):
        raise misleading(host)


# Hundreds of messages go to the same few URLs.
@functools.lru_cache(_MOST_URLS)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


@functools.lru_cache(_MOST_URLS)
def _host_of(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return host or "the given URL"


@functools.lru_cache(_MOST_URLS)
def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"
    except ValueError:
        return ""


def _request(method: str, url: str, headers: Mapping[str, str], content: bytes, timeout: httpx.Timeout) -> httpx.Request:
    ours = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity"}
    given = {name.lower(): value for name, value in _checked(headers).items()}
    # As a stream, for which httpx makes no headers of its own: the transport makes them all the same.
    stream = httpx.ByteStream(content)
    request = httpx.Request(
        method, _parsed(url), headers={**ours, **given}, stream=stream, extensions={"timeout": timeout.as_dict()}
    )
    request.read()
    return request


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if _NOT_ALLOWED.search(name) or _NOT_ALLOWED.search(value):
            raise ChannelError(
                f'the header "{ascii(name)[1:41]}" holds a character that HTTP does not allow', outcome=Outcome.PERMANENT
            )
    return headers
