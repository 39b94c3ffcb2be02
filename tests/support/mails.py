"""Mail for tests: the channel's section, channels that send to a sandbox, and what the sandbox got of them."""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.email.sendgrid import SendGridChannel
from buildnet_cli.channels.email.ses import SesChannel
from buildnet_cli.channels.email.smtp import SmtpChannel
from buildnet_cli.config.channels.email import Email
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import sendgrid, ses, smtp
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.mailbox import open_mail
from tests.support.http_inbox import HttpInbox

ADDRESS = "devops@example.com"
HOST = "ci-01"


def section(**options: Any) -> Email:
    """The section `email`, with one recipient "DevOps Team" unless there are others."""
    who = {"email": ADDRESS, "name": "DevOps Team", "events": ["*"]}
    server = {"smtp": {"host": "127.0.0.1"}} if options.get("provider", "smtp") == "smtp" else {}
    return Email.model_validate({"from": "BuildNet <buildnet@example.com>", "recipients": [who], **server, **options})


def smtp_section(port: int, **options: Any) -> Email:
    """The section for a mail server on loopback, without TLS unless it is asked for."""
    server = {"host": "127.0.0.1", "port": port, "username": smtp.USERNAME, "password": smtp.PASSWORD, "tls": False}
    return section(provider="smtp", smtp={**server, "timeout_secs": 1, **options})


def by_smtp(http: HttpClient, inbox: HttpInbox) -> Channel:
    return SmtpChannel(smtp_section(inbox.smtp_port), HOST)


def by_sendgrid(http: HttpClient, inbox: HttpInbox) -> Channel:
    account = {"api_key": sendgrid.API_KEY, "base_url": f"{inbox.url}/sendgrid"}
    return SendGridChannel(section(provider="sendgrid", sendgrid=account), http, HOST, timeout_secs=1)


def by_ses(http: HttpClient, inbox: HttpInbox) -> Channel:
    account = {
        "region": "eu-central-1",
        "access_key_id": ses.ACCESS_KEY_ID,
        "secret_access_key": ses.SECRET_ACCESS_KEY,
        "base_url": f"{inbox.url}/ses",
    }
    return SesChannel(section(provider="ses", ses=account), http, HOST, timeout_secs=1)


def parts_of(message: Received) -> dict[str, str]:
    """What a sandbox got, by content type: `text/plain`, `text/html`."""
    if message.provider == "sendgrid":
        return {part["type"]: part["value"] for part in message.body["content"]}
    mail = open_mail(_raw(message))
    return {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}


def headers_of(message: Received) -> dict[str, str]:
    """The mail's own headers, by lower-case name."""
    if message.provider == "sendgrid":
        return {name.lower(): value for name, value in message.body["headers"].items()} | {"subject": message.body["subject"]}
    return {name.lower(): str(value) for name, value in open_mail(_raw(message)).items()}


def _raw(message: Received) -> bytes:
    text = message.body["Raw"] if message.provider == "ses" else message.body
    assert isinstance(text, str)
    return text.encode()
