"""A conversation with one mail server. Whatever goes wrong becomes a ChannelError that says whether the mail may have arrived.

Source: RFC 5321 (the server has the mail once it has answered the dot after the data), RFC 3207 (STARTTLS), RFC 8314 (465 is TLS
from the first byte).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Final

import aiosmtplib

from buildnet_cli.channels.email.smtp_refusal import refusal
from buildnet_cli.config.channels.email import Smtp
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import quote

_IMPLICIT_TLS_PORT: Final = 465
_IDLE_SECS: Final = 20.0
"""How long a connection is kept for the next mail; servers end idle ones after minutes."""
_PROBE_SECS: Final = 5.0


class SmtpSession:
    """One connection, opened when it is needed, and left after a while. Mails go one after the other.

    server: where to, and how encrypted. host: the machine we run on, for the greeting.
    """

    def __init__(self, server: Smtp, host: str) -> None:
        self._server = server
        # Source: RFC 5321 section 4.1.3: who has no full name gives an address.
        self._own_name = host if "." in host and host.isascii() else "[127.0.0.1]"
        self._client: aiosmtplib.SMTP | None = None
        self._is_talking = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._trust: ssl.SSLContext | None = None

    async def send(self, sender: str, recipient: str, mail: bytes) -> str:
        """Hand over one mail, and return what the server says to it. Raises ChannelError."""
        async with self._turn():
            try:
                # As a whole, so that a slow server is known to have nothing yet before anybody loses patience with us.
                with self._told(may_have_arrived=False):
                    async with asyncio.timeout(self._server.timeout_secs):
                        client = await self._ready()
                        await client.mail(sender, options=[f"SIZE={len(mail)}"] if client.supports_extension("size") else [])
                        await client.rcpt(recipient)
                with self._told(may_have_arrived=True):
                    answer = await client.data(mail)
            except BaseException:
                self._drop()  # a broken conversation is not taken up again
                raise
            self._idle = asyncio.get_running_loop().call_later(_IDLE_SECS, self._drop)
        return f"{answer.code} {quote(answer.message)}".strip()

    async def close(self) -> None:
        """Say goodbye. No mail may follow."""
        async with self._is_talking:
            self._stop_waiting()
            if self._client is not None and self._client.is_connected:
                with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                    await self._client.quit(timeout=1)
            self._drop()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for the mails before this one, but not so long that it would be thought to be on its way."""
        try:
            async with asyncio.timeout(self._server.timeout_secs):
                await self._is_talking.acquire()
        except TimeoutError:
            busy = f"{self._server.host} is still busy with earlier mails, so this one was not sent"
            raise ChannelError(busy, outcome=Outcome.RETRY) from None
        try:
            self._stop_waiting()
            yield
        finally:
            self._is_talking.release()

    async def _ready(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            # The server may have left meanwhile; nothing is lost by asking.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._client.rset(timeout=_PROBE_SECS)
                return self._client
        self._drop()
        self._client = await self._connected()
        return self._client

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        is_implicit = server.implicit_tls or (server.tls and server.port == _IMPLICIT_TLS_PORT)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=is_implicit,
            start_tls=False,  # done below, so that each step has its own words
            tls_context=await self._trusted() if is_implicit or server.tls else None,
            timeout=server.timeout_secs,
            local_hostname=self._own_name,
        )
        try:
            with self._told(may_have_arrived=False):
                await client.connect()
                await client.ehlo()
                if server.tls and not is_implicit:
                    await self._encrypt(client)
                if server.username and server.password is not None:
                    await self._log_in(client, server.username, server.password.get_secret_value())
        except BaseException:
            client.close()
            raise
        return client

    async def _encrypt(self, client: aiosmtplib.SMTP) -> None:
        if not client.supports_extension("starttls"):
            raise ChannelError(
                f"{self._server.host} offers no encryption (STARTTLS), so nothing was sent",
                outcome=Outcome.RETRY,
                hint="somebody in between may hide it; try implicit_tls: true, or tls: false in a network you trust",
            )
        await client.starttls()
        await client.ehlo()

    async def _log_in(self, client: aiosmtplib.SMTP, username: str, password: str) -> None:
        if not client.supports_extension("auth"):
            raise ChannelError(
                f"{self._server.host} takes no login" + ("" if self._server.tls or self._server.implicit_tls else " without TLS"),
                outcome=Outcome.HOLD,
                hint="remove smtp.username, or set tls: true; what is waiting is kept",
            )
        await client.login(username, password)

    async def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            try:
                # In a thread: the system's authorities are a large file.
                self._trust = await asyncio.to_thread(ssl.create_default_context, cafile=self._server.ca_file or None)
            except OSError as exc:
                raise ChannelError(
                    f"the authorities in {self._server.ca_file} cannot be read: {exc.strerror}", outcome=Outcome.HOLD
                ) from None
        return self._trust

    @contextlib.contextmanager
    def _told(self, *, may_have_arrived: bool) -> Iterator[None]:
        """Turn what goes wrong into a ChannelError. may_have_arrived: whether the mail itself was on its way."""
        host, lost = self._server.host, Outcome.UNKNOWN if may_have_arrived else Outcome.RETRY
        doubt = "; the message may have arrived" if may_have_arrived else ""
        try:
            yield
        except aiosmtplib.SMTPResponseException as exc:
            raise _answered(exc, host) from None
        except ssl.SSLCertVerificationError as exc:
            raise _distrusted(exc, host) from None
        except ssl.SSLError as exc:
            raise ChannelError(f"no TLS connection to {host}: {exc.reason or 'the handshake failed'}", outcome=lost) from None
        except (aiosmtplib.SMTPTimeoutError, TimeoutError):
            within = f"within {self._server.timeout_secs:g} s"
            raise ChannelError(f"{host} did not answer {within}{doubt}", outcome=lost) from None
        except aiosmtplib.SMTPConnectError as exc:
            if isinstance(exc.__cause__, ssl.SSLCertVerificationError):
                raise _distrusted(exc.__cause__, host) from None
            raise ChannelError(f"{host} cannot be reached: {_cause_of(exc)}", outcome=Outcome.RETRY) from None
        except (aiosmtplib.SMTPException, OSError, ValueError):
            # Their texts may hold what was sent.
            raise ChannelError(f"the connection to {host} broke{doubt}", outcome=lost) from None

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _drop(self) -> None:
        self._stop_waiting()
        if self._client is not None:
            self._client.close()
            self._client = None


def _answered(exc: aiosmtplib.SMTPResponseException, host: str) -> ChannelError:
    if exc.code < 400:  # a broken line, or a success where none was possible
        return ChannelError(f"{host} gave an answer that is not SMTP", outcome=Outcome.RETRY)
    return refusal(exc.code, exc.message, host)


def _distrusted(exc: ssl.SSLCertVerificationError, host: str) -> ChannelError:
    return ChannelError(
        f"the certificate of {host} is not trusted: {exc.verify_message}",
        outcome=Outcome.RETRY,
        hint="if its authority is your own, name its PEM file as smtp.ca_file",
    )


def _cause_of(exc: BaseException) -> str:
    # asyncio puts a sentence of its own, with the address, where the system's reason should be.
    cause = exc.__cause__
    return os.strerror(cause.errno).lower() if isinstance(cause, OSError) and cause.errno else "no connection"
