"""Mail by SMTP against real servers: encryption that fails closed, logins, refusals, and servers that leave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from buildnet_cli.channels.email.smtp import SmtpChannel
from buildnet_cli.clock import SystemClock
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from buildnet_cli.sandbox import smtp
from buildnet_cli.sandbox.front import Front
from buildnet_cli.sandbox.inbox import Inbox
from buildnet_cli.sandbox.server import listen
from tests.support.mail_servers import DROP, SILENT, implicit_tls, talking
from tests.support.mails import HOST, section, smtp_section
from tests.support.messages import SAMPLES, outgoing

pytestmark = pytest.mark.integration

MESSAGE = outgoing(render(SAMPLES["build.failed-first"]), "email:DevOps Team")
OPEN = {"username": "", "password": None}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def certificate(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


@asynccontextmanager
async def submission(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Inbox]]:
    """The sandbox's own server."""
    inbox = Inbox()
    with listen(0) as listener:
        server = await smtp.start(Front(inbox, SystemClock()), listener, tls=tls)
        try:
            yield listener.getsockname()[1], inbox
        finally:
            server.close()
            await server.wait_closed()


@asynccontextmanager
async def channel_to(port: int, **options: Any) -> AsyncIterator[SmtpChannel]:
    channel = SmtpChannel(smtp_section(port, **options), HOST)
    try:
        yield channel
    finally:
        await channel.close()


async def sent(port: int, message: OutgoingMessage = MESSAGE, **options: Any) -> Receipt:
    async with channel_to(port, **options) as channel:
        return await channel.send(message)


async def refused(port: int, **options: Any) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await sent(port, **options)
    return caught.value


async def test_a_mail_goes_out_encrypted_and_signed_in(authority: trustme.CA, ca_file: str) -> None:
    async with submission(certificate(authority, "127.0.0.1")) as (port, inbox):
        receipt = await sent(port, tls=True, ca_file=ca_file)
    (message,) = inbox.messages()
    assert message.recipient == "devops@example.com"
    assert message.headers["smtp-mail-from"] == "buildnet@example.com"
    assert receipt.provider_id == receipt.ref == message.headers["message-id"]
    assert receipt.detail == "250 2.0.0 OK queued as 1"
    assert message.reading.title == "api FAILED (1st after 14 ok)"


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    async with submission(certificate(authority, "127.0.0.1")) as (port, inbox):
        error = await refused(port, tls=True)
    assert error.outcome is Outcome.RETRY
    assert "the certificate of 127.0.0.1 is not trusted" in error.message
    assert "smtp.ca_file" in error.hint
    assert not inbox.messages()


async def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, ca_file: str) -> None:
    async with submission(certificate(authority, "mail.example.com")) as (port, inbox):
        error = await refused(port, tls=True, ca_file=ca_file)
    assert "not trusted" in error.message
    assert not inbox.messages()


async def test_a_server_without_starttls_hears_neither_password_nor_mail() -> None:
    async with talking({"EHLO": "250-test\r\n250 AUTH PLAIN LOGIN"}) as heard:
        error = await refused(heard.port, tls=True)
    assert error.outcome is Outcome.RETRY
    assert "offers no encryption" in error.message
    assert [line.partition(" ")[0] for line in heard.lines] == ["EHLO"]


async def test_a_server_that_answers_starttls_in_plain_text_hears_no_more() -> None:
    replies = {"EHLO": "250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS", "STARTTLS": "220 go on\r\n250 AUTH PLAIN"}
    async with talking(replies) as heard:
        error = await refused(heard.port, tls=True)
    assert error.outcome is Outcome.RETRY
    assert not [line for line in heard.lines if line.startswith(("AUTH", "MAIL"))]


async def test_tls_from_the_first_byte(authority: trustme.CA, ca_file: str) -> None:
    async with implicit_tls(certificate(authority, "127.0.0.1")) as heard:
        await sent(heard.port, implicit_tls=True, ca_file=ca_file, **OPEN)
        error = await refused(heard.port, implicit_tls=True, **OPEN)
    assert len(heard.mails) == 1
    assert "not trusted" in error.message


async def test_an_authority_file_that_is_not_there_holds_the_channel(tmp_path: Path) -> None:
    error = await refused(1, tls=True, ca_file=str(tmp_path / "none.pem"))
    assert error.outcome is Outcome.HOLD
    assert "cannot be read" in error.message


async def test_a_wrong_password_holds_the_channel() -> None:
    async with submission() as (port, _):
        error = await refused(port, password="wrong-canary-password")
    assert (error.outcome, error.status) == (Outcome.HOLD, 535)
    assert "canary" not in str(error) + error.hint
    assert "smtp.password" in error.hint


async def test_a_server_that_wants_a_login_says_so() -> None:
    async with submission() as (port, _):
        error = await refused(port, **OPEN)
    assert (error.outcome, error.status) == (Outcome.PERMANENT, 530)


async def test_a_mailbox_that_does_not_exist_is_a_final_refusal() -> None:
    async with submission() as (port, inbox):
        config = section(
            smtp={"host": "127.0.0.1", "port": port, "username": smtp.USERNAME, "password": smtp.PASSWORD, "tls": False},
            recipients=[{"email": f"x@{smtp.UNKNOWN_DOMAIN}"}],
        )
        channel = SmtpChannel(config, HOST)
        with pytest.raises(ChannelError, match=r"550: 5\.1\.1") as caught:
            await channel.send(outgoing(render(SAMPLES["unknown"]), f"email:x@{smtp.UNKNOWN_DOMAIN}"))
        await channel.close()
    assert caught.value.outcome is Outcome.PERMANENT
    assert not inbox.messages()


async def test_the_next_mail_takes_the_same_connection() -> None:
    async with talking() as heard:
        async with channel_to(heard.port, **OPEN) as channel:
            for _ in range(3):
                await channel.send(MESSAGE)
        assert heard.connections == 1
    assert len(heard.mails) == 3
    assert heard.lines.count("RSET") == 2
    assert heard.lines[-1] == "QUIT"


async def test_a_server_that_left_meanwhile_is_called_again() -> None:
    async with talking() as heard, channel_to(heard.port, **OPEN) as channel:
        await channel.send(MESSAGE)
        heard.hang_up()
        await channel.send(MESSAGE)
        assert (heard.connections, len(heard.mails)) == (2, 2)


async def test_after_a_refusal_the_next_mail_takes_a_new_connection() -> None:
    async with talking({"RCPT": "451 4.7.1 later"}) as heard, channel_to(heard.port, **OPEN) as channel:
        for _ in range(2):
            with pytest.raises(ChannelError, match=r"451: 4\.7\.1 later"):
                await channel.send(MESSAGE)
        assert heard.connections == 2


@pytest.mark.parametrize(
    ("replies", "outcome", "told"),
    [
        ({"CONNECT": "421 4.3.2 too busy"}, Outcome.RETRY, "421: 4.3.2 too busy"),
        ({"CONNECT": DROP}, Outcome.RETRY, "cannot be reached"),
        ({"CONNECT": "HTTP/1.1 400 Bad Request"}, Outcome.RETRY, ""),
        ({"CONNECT": SILENT}, Outcome.RETRY, "did not answer within 1 s"),
        ({"MAIL": "550 5.7.1 not your address"}, Outcome.PERMANENT, "550: 5.7.1"),
        ({"MAIL": DROP}, Outcome.RETRY, "the connection to 127.0.0.1 broke"),
        ({"RCPT": SILENT}, Outcome.RETRY, "did not answer within 1 s"),
        ({"DATA": "452 4.3.1 no room"}, Outcome.RETRY, "452: 4.3.1"),
        ({".": "554 5.7.1 spam"}, Outcome.PERMANENT, "554: 5.7.1"),
        ({".": DROP}, Outcome.UNKNOWN, "the message may have arrived"),
        ({".": SILENT}, Outcome.UNKNOWN, "the message may have arrived"),
    ],
)
async def test_what_goes_wrong_says_whether_the_mail_may_have_arrived(
    replies: dict[str, str], outcome: Outcome, told: str
) -> None:
    async with talking(replies) as heard:
        error = await refused(heard.port, **OPEN)
    assert error.outcome is outcome
    assert told in error.message


async def test_a_mail_that_waits_behind_a_silent_server_was_not_sent() -> None:
    async with talking({".": SILENT}) as heard, channel_to(heard.port, **OPEN) as channel:
        first, second = await asyncio.gather(channel.send(MESSAGE), channel.send(MESSAGE), return_exceptions=True)
    assert isinstance(first, ChannelError)
    assert isinstance(second, ChannelError)
    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.RETRY)
    assert "still busy" in second.message
    assert len(heard.mails) == 1


async def test_mails_at_once_go_one_after_the_other() -> None:
    async with talking() as heard, channel_to(heard.port, **OPEN) as channel:
        await asyncio.gather(*(channel.send(MESSAGE) for _ in range(8)))
        assert (heard.connections, len(heard.mails)) == (1, 8)


async def test_nobody_listens() -> None:
    with listen(0) as listener:
        port = listener.getsockname()[1]
    error = await refused(port, **OPEN)
    assert error.outcome is Outcome.RETRY
    assert error.message == "127.0.0.1 cannot be reached: connection refused"


async def test_a_login_without_tls_that_the_server_does_not_offer_is_told() -> None:
    async with talking() as heard:
        error = await refused(heard.port)
    assert error.outcome is Outcome.HOLD
    assert error.message == "127.0.0.1 takes no login without TLS"
