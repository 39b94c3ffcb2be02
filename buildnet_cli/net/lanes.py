"""The transport behind `net/http`: a lane per destination, so that a slow one never delays another.

Its libraries take a quarter of a second and many megabytes to load, so this file is imported with the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from httpx_aiohttp import AiohttpTransport

from buildnet_cli.clock import Clock
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.address import is_private, read_address
from buildnet_cli.net.answer import Answer
from buildnet_cli.net.http import USER_AGENT

_CONNECT_SECS = 5.0
_MAX_BODY = 65_536
# Receivers close idle connections, often after 5 s; a message written into a closing one would have an unknown outcome.
_IDLE_SECS = 4.0
_MAX_CONNECTIONS = 32

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
        self._lanes: dict[_Lane, httpx.AsyncClient] = {}
        self._trust: dict[tuple[bool, str], ssl.SSLContext] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes,
        timeout_secs: float,
        verify: bool,
        ca_file: str,
        deny_private: bool,
    ) -> Answer:
        """Make one request and read up to 64 KiB of the answer. Raises ChannelError, which names the host and nothing else."""
        host = _host_of(url)
        if deny_private:
            _refuse_private_literal(host)
        lane = _Lane(_origin_of(url), verify, ca_file, deny_private)
        # Connecting gets at most half of the time, so whoever runs into the deadline had a connection and may have been heard.
        timeout = httpx.Timeout(None, connect=min(_CONNECT_SECS, timeout_secs / 2), pool=min(_CONNECT_SECS, timeout_secs / 2))
        try:
            client = self._client(lane)
            request = client.build_request(method, url, headers=_checked(headers), content=content, timeout=timeout)
            return await self._exchange(client, request, host, timeout_secs)
        except TimeoutError:
            raise ChannelError(
                f"{host} did not answer within {timeout_secs:g} s; the message may have arrived", outcome=Outcome.UNKNOWN
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as exc:
            # Neither their texts nor their tracebacks go on: both hold the URL.
            raise _as_channel_error(exc, host) from None

    async def close(self) -> None:
        """End every connection. No request may follow."""
        lanes, self._lanes = self._lanes, {}
        for client in lanes.values():
            await client.aclose()

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request, host: str, timeout_secs: float) -> Answer:
        response: httpx.Response | None = None
        body = bytearray()
        try:
            async with asyncio.timeout(timeout_secs):
                response = await client.send(request, stream=True)
                received_at = self._clock.now()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) >= _MAX_BODY:
                        break
        except (TimeoutError, httpx.HTTPError, aiohttp.ClientError):
            # Once there is a status, it decides; a body that breaks off or never ends changes nothing.
            if response is None:
                raise
        finally:
            if response is not None:
                with contextlib.suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
                    await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        # Not decompressed: it was not asked for, and a small body could grow without bound.
        text = (
            ""
            if headers.get("content-encoding", "identity") != "identity"
            else bytes(body[:_MAX_BODY]).decode("utf-8", "replace")
        )
        return Answer(response.status_code, headers, text, host, received_at)

    def _client(self, lane: _Lane) -> httpx.AsyncClient:
        if lane not in self._lanes:
            connector = aiohttp.TCPConnector(
                limit=_MAX_CONNECTIONS,
                keepalive_timeout=_IDLE_SECS,
                ssl=self._trusted(lane.verify, lane.ca_file),
                resolver=_PublicResolver() if lane.deny_private else None,
                use_dns_cache=not lane.deny_private,
            )
            session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
            self._lanes[lane] = httpx.AsyncClient(
                transport=AiohttpTransport(client=session),
                trust_env=False,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            )
        return self._lanes[lane]

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


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. What was checked is what is connected to: no second look-up can differ."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if any(is_private(ipaddress.ip_address(entry["host"])) for entry in found):
            raise _PrivateAddressError
        return found

    async def close(self) -> None:
        await self._system.close()


class _PrivateAddressError(ValueError):
    """A name that was to be public leads to a private address."""


def _refuse_private_literal(host: str) -> None:
    address = read_address(host)
    if address is not None and is_private(address):
        raise _denied(host)


def _denied(host: str) -> ChannelError:
    return ChannelError(f"{host} is a private address, which this URL must not name", outcome=Outcome.PERMANENT)


def _host_of(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return host or "the given URL"


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"
    except ValueError:
        return ""


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not name.isascii() or not value.isascii() or any(ord(char) < 32 or ord(char) == 127 for char in name + value):
            raise ChannelError(
                f'the header "{ascii(name)[1:41]}" holds a character that HTTP does not allow', outcome=Outcome.PERMANENT
            )
    return dict(headers)


def _verify_message(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "it does not match the name"


def _reason_of(error: OSError) -> str:
    # asyncio puts a sentence of its own, with the address, where the system's reason should be.
    return os.strerror(error.errno).lower() if error.errno else "no connection"


def _as_channel_error(exc: Exception, host: str) -> ChannelError:
    # The transport folds refused, reset and timed-out connections into one class; what really happened is its cause.
    cause = exc.__cause__ if isinstance(exc, httpx.HTTPError) and exc.__cause__ is not None else exc
    if isinstance(cause, _PrivateAddressError):
        return _denied(host)
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return ChannelError(f"the certificate of {host} is not trusted: {_verify_message(cause)}", outcome=Outcome.RETRY)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return ChannelError(f"the name {host} cannot be resolved", outcome=Outcome.RETRY)
    if isinstance(cause, aiohttp.ClientConnectorSSLError):
        return ChannelError(
            f"no TLS connection to {host}: {cause.os_error.strerror or 'the handshake failed'}", outcome=Outcome.RETRY
        )
    if isinstance(cause, aiohttp.ClientConnectorError):
        return ChannelError(f"{host} cannot be reached: {_reason_of(cause.os_error)}", outcome=Outcome.RETRY)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return ChannelError(f"{host} did not accept a connection in time", outcome=Outcome.RETRY)
    if isinstance(exc, httpx.InvalidURL | httpx.UnsupportedProtocol | ValueError) or isinstance(cause, ValueError):
        return ChannelError(f"no request can be made to {host}: the URL or a header is not valid", outcome=Outcome.PERMANENT)
    return ChannelError(
        f"the connection to {host} broke before an answer came; the message may have arrived", outcome=Outcome.UNKNOWN
    )
