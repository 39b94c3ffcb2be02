"""A mail server for submission: it wants a login, refuses as servers do, and leaves what it takes in the inbox.

A scripted status is its reply to the mail itself: 421, 451, 535, 550, 554 …; what is below 400 counts as taken.
Source: RFC 6409 (submission), RFC 4954 (AUTH), RFC 3463 (enhanced codes).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import ssl
from email.message import EmailMessage
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from buildnet_cli.sandbox.front import Front
from buildnet_cli.sandbox.mailbox import in_answer_to, open_mail, reading_of, text_of

USERNAME: Final = "buildnet@sandbox.example"
PASSWORD: Final = "sandbox-password-that-opens-nothing-else"  # noqa: S105  (it opens this stand-in only)
"""The one account of this server."""
UNKNOWN_DOMAIN: Final = "nobody.example"
"""Nobody has a mailbox in this domain."""
PROVIDER: Final = "smtp"

MAX_BYTES: Final = 10 << 20

_LONGEST_HANG_SECS = 600.0
_SAID = {
    421: "4.3.2 Service shutting down, try again later",
    450: "4.2.1 Mailbox busy, try again later",
    451: "4.7.1 Greylisted, try again later",
    452: "4.2.2 Mailbox full, try again later",
    454: "4.7.0 Temporary authentication failure",
    530: "5.7.0 Authentication required",
    535: "5.7.8 Authentication credentials invalid",
    550: "5.1.1 The email account does not exist",
    552: "5.3.4 Message too big for system",
    554: "5.7.1 Message rejected by policy",
}


async def start(front: Front, listener: socket.socket, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Serve on a bound socket until the server is closed. tls: with it, STARTTLS is offered and wanted before a login."""
    # At every login it warns of an attribute of its own.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    handler = _Handler(front)

    def connection() -> SMTP:
        return SMTP(
            handler,
            data_size_limit=MAX_BYTES,
            hostname="sandbox.example",
            ident="buildnet-notify sandbox",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_require_tls=tls is not None,
            authenticator=_authenticate,
        )

    return await asyncio.get_running_loop().create_server(connection, sock=listener)


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    is_ours = (
        isinstance(given, LoginPassword)
        and hmac.compare_digest(given.login, USERNAME.encode())
        and hmac.compare_digest(given.password, PASSWORD.encode())
    )
    return AuthResult(success=is_ours, handled=False)


class _Handler:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if not session.authenticated:
            return f"530 {_SAID[530]}"
        envelope.mail_from = address
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.lower().endswith(f"@{UNKNOWN_DOMAIN}"):
            return f"550 {_SAID[550]}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        if any(len(line) > 998 for line in raw.split(b"\r\n")):
            return "554 5.6.0 A line is longer than 998 characters"
        recipient, mail = envelope.rcpt_tos[0], open_mail(raw)
        message, answer = self._front.keep(
            recipient,
            "MAIL",
            _headers(mail) | {"smtp-mail-from": envelope.mail_from or "", "smtp-rcpt-to": ", ".join(envelope.rcpt_tos)},
            raw.decode("utf-8", "replace"),
            provider=PROVIDER,
            reading=reading_of(str(mail.get("Subject", "")), text_of(mail)),
            thread=in_answer_to(self._front.inbox, str(mail.get("In-Reply-To", ""))),
        )
        if answer.hangs:
            await asyncio.sleep(_LONGEST_HANG_SECS)
        if answer.status >= 400:
            status = answer.status
            return f"{status} {answer.text or _SAID.get(status, f'{status // 100}.0.0 scripted {status}')}"
        return f"250 2.0.0 OK queued as {message.number}"


def _headers(mail: EmailMessage) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in mail.items()}
