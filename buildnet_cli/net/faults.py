"""What may go wrong with a request, as a ChannelError that names the host and nothing else: a URL may be a secret."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator

import aiohttp
import httpx

from buildnet_cli.errors import ChannelError, Outcome


class PrivateAddressError(ValueError):
    """A name that was to be public leads to a private address."""


def denied(host: str) -> ChannelError:
    """The refusal of a URL that must name a public host."""
    return ChannelError(f"{host} is a private address, which this URL must not name", outcome=Outcome.PERMANENT)


def misleading(host: str) -> ChannelError:
    """The refusal of a URL that leads elsewhere than it seems to, or to a service that is no web server."""
    return ChannelError(
        f"{host} is not all that this address holds: give a plain one, without a user, a fragment or another service's port",
        outcome=Outcome.PERMANENT,
    )


@contextlib.contextmanager
def told(host: str, timeout_secs: float | None) -> Iterator[None]:
    """Turn whatever goes wrong into a ChannelError that names the host and nothing else."""
    try:
        yield
    except TimeoutError:
        within = f"within {timeout_secs:g} s" if timeout_secs is not None else "any more"
        raise ChannelError(f"{host} did not answer {within}; the message may have arrived", outcome=Outcome.UNKNOWN) from None
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as exc:
        # Neither their texts nor their tracebacks go on: both hold the URL.
        raise _as_channel_error(exc, host) from None


def _verify_message(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "it does not match the name"


def _reason_of(error: OSError) -> str:
    # asyncio puts a sentence of its own, with the address, where the system's reason should be.
    return os.strerror(error.errno).lower() if error.errno else "no connection"


def _as_channel_error(exc: Exception, host: str) -> ChannelError:
    # The transport folds refused, reset and timed-out connections into one class; what really happened is its cause.
    cause = exc.__cause__ if isinstance(exc, httpx.HTTPError) and exc.__cause__ is not None else exc
    if isinstance(cause, PrivateAddressError):
        return denied(host)
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
