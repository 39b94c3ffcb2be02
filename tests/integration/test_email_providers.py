"""Mail by SES and SendGrid: our requests against an independent SES, and Amazon's own client against our stand-in."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
import httpx
import pytest
from moto.server import ThreadedMotoServer

from buildnet_cli.channels.email.sendgrid import SendGridChannel
from buildnet_cli.channels.email.ses import SesChannel
from buildnet_cli.clock import SystemClock
from buildnet_cli.delivery.model import OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render, updated
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import sendgrid, ses
from buildnet_cli.sandbox.mailbox import open_mail
from tests.support import mails
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, outgoing

pytestmark = pytest.mark.integration

FIRST = render(SAMPLES["build.failed-first"])
FIXED = render(SAMPLES["build.completed-fixed"])


def message(**options: Any) -> OutgoingMessage:
    return replace(outgoing(FIRST, "email:DevOps Team"), **{"sent_at": SystemClock().now(), **options})


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """moto's SES, with our sender verified."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    body = json.dumps({"EmailIdentity": "buildnet@example.com"}).encode()
    request = urllib.request.Request(f"{url}/v2/email/identities", body, SIGNED, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    yield url
    server.stop()


# moto finds the service by the credential's scope, and does not check the signature.
SIGNED = {
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20240126/eu-central-1/ses/aws4_request, SignedHeaders=host, Signature=0",
}


def ses_channel(http: HttpClient, base_url: str, **options: Any) -> SesChannel:
    account = {"region": "eu-central-1", "access_key_id": ses.ACCESS_KEY_ID, "secret_access_key": ses.SECRET_ACCESS_KEY}
    options = {"from": "BuildNet <buildnet@example.com>", **options}
    return SesChannel(mails.section(provider="ses", ses={**account, "base_url": base_url}, **options), http, mails.HOST)


async def test_motos_ses_takes_our_mail(moto: str, http: HttpClient) -> None:
    receipt = await ses_channel(http, moto).send(message())
    assert receipt.ref == f"<{receipt.provider_id}@eu-central-1.amazonses.com>"
    kept = json.loads((await http.request("GET", f"{moto}/moto-api/data.json")).text)["ses"]["RawMessage"][-1]
    assert kept["source"] == "buildnet@example.com"
    assert kept["destinations"][0] == "devops@example.com"  # it adds those of the mail's own headers
    assert open_mail(kept["raw_data"].encode())["Subject"] == "[ci-01] api FAILED: TS2345 routes.ts:42"


async def test_motos_ses_refuses_a_sender_that_is_not_verified(moto: str, http: HttpClient) -> None:
    with pytest.raises(ChannelError, match="MessageRejected") as caught:
        await ses_channel(http, moto, **{"from": "x@elsewhere.example"}).send(message())
    assert caught.value.outcome is Outcome.PERMANENT


def client(inbox: HttpInbox, secret: str = ses.SECRET_ACCESS_KEY) -> Any:
    return botocore.session.get_session().create_client(
        "sesv2",
        region_name="us-west-2",
        endpoint_url=f"{inbox.url}/ses",
        aws_access_key_id=ses.ACCESS_KEY_ID,
        aws_secret_access_key=secret,
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


def send(client: Any, raw: bytes = b"From: a@example.com\r\nSubject: Hello\r\n\r\nHello\r\n", to: str = "b@example.com") -> Any:
    return client.send_email(FromEmailAddress="a@example.com", Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": raw}})


def test_our_ses_takes_a_mail_from_amazons_own_client(inbox: HttpInbox) -> None:
    answer = send(client(inbox))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["MessageId"]
    (received,) = inbox.received()
    assert (received.recipient, received.reading.title) == ("b@example.com", "Hello")


@pytest.mark.parametrize(
    ("script", "secret", "raw", "name"),
    [
        (None, "wrong", b"From: a@example.com\r\n\r\n", "SignatureDoesNotMatch"),
        (None, ses.SECRET_ACCESS_KEY, b"no header", "BadRequestException"),
        (429, ses.SECRET_ACCESS_KEY, b"From: a@example.com\r\n\r\n", "TooManyRequestsException"),
    ],
)
def test_amazons_own_client_understands_the_refusals_of_our_ses(
    inbox: HttpInbox, script: int | None, secret: str, raw: bytes, name: str
) -> None:
    if script is not None:
        inbox.script("ses", script)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        send(client(inbox, secret), raw)
    assert caught.value.response["Error"]["Code"] == name


async def test_a_clock_that_is_wrong_holds_the_channel(inbox: HttpInbox, http: HttpClient) -> None:
    late = message(sent_at=SystemClock().now() - timedelta(hours=1))
    with pytest.raises(ChannelError, match="InvalidSignatureException") as caught:
        await ses_channel(http, f"{inbox.url}/ses").send(late)
    assert caught.value.outcome is Outcome.HOLD
    assert "clock" in caught.value.hint


async def test_our_ses_refuses_a_sender_that_is_not_verified(inbox: HttpInbox, http: HttpClient) -> None:
    with pytest.raises(ChannelError, match="MessageRejected: Email address is not verified"):
        await ses_channel(http, f"{inbox.url}/ses", **{"from": f"x@{ses.UNVERIFIED_DOMAIN}"}).send(message())


@pytest.mark.parametrize("open_", [mails.by_smtp, mails.by_sendgrid, mails.by_ses])
async def test_the_end_of_a_problem_answers_the_mail_that_told_of_it(open_: Any, inbox: HttpInbox, http: HttpClient) -> None:
    channel = open_(http, inbox)
    first = await channel.send(message(incident="evt_1"))
    thread = Thread(first.ref, updated(FIRST, FIXED))
    last = await channel.send(message(delivery_id="dlv_2", message=FIXED, incident="evt_1", thread=thread))
    await channel.close()
    assert last.ref == first.ref
    told, over = inbox.received()
    assert over.thread == told.number
    assert mails.headers_of(over)["in-reply-to"] == first.ref
    assert mails.headers_of(over)["subject"] == f"Re: {mails.headers_of(told)['subject']}"
    assert over.reading.title == "api FIXED after 3 failures"


async def test_sendgrid_takes_text_and_html_and_our_headers(inbox: HttpInbox, http: HttpClient) -> None:
    receipt = await mails.by_sendgrid(http, inbox).send(message())
    (received,) = inbox.received()
    assert receipt.provider_id == f"sandbox-{received.number}"
    body = received.body
    assert body["personalizations"] == [{"to": [{"email": "devops@example.com", "name": "DevOps Team"}]}]
    assert body["from"] == {"email": "buildnet@example.com", "name": "BuildNet"}
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert body["headers"]["Auto-Submitted"] == "auto-generated"
    assert body["custom_args"] == {"delivery_id": "dlv_01hn3p4q5r6s7t8v9w0x1y2z3b"}


async def test_sendgrid_refuses_a_key_that_is_not_its_own(inbox: HttpInbox, http: HttpClient) -> None:
    config = mails.section(provider="sendgrid", sendgrid={"api_key": "SG.wrong", "base_url": f"{inbox.url}/sendgrid"})
    with pytest.raises(ChannelError, match="authorization grant is invalid") as caught:
        await SendGridChannel(config, http, mails.HOST).send(message())
    assert (caught.value.outcome, caught.value.status) == (Outcome.HOLD, 401)


GOOD: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "a@example.com"}]}],
    "from": {"email": "b@example.com"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hello"}],
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "a@example.com"}, {"email": "A@example.com"}]}]}, "personalizations.0"),
        ({"from": None}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": [{"type": t, "value": "x"} for t in ("text/html", "text/plain")]}, "content"),
        ({"headers": {"Subject": "x"}}, "headers.Subject"),
        ({"headers": {"X-A": "a\r\nb"}}, "headers.X-A"),
    ],
)
def test_our_sendgrid_is_as_strict_as_the_real_one(inbox: HttpInbox, change: dict[str, Any], field: str) -> None:
    url, headers = f"{inbox.url}/sendgrid/v3/mail/send", {"Authorization": f"Bearer {sendgrid.API_KEY}"}
    assert httpx.post(url, json=GOOD, headers=headers).status_code == 202
    answer = httpx.post(url, json=GOOD | change, headers=headers)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert len(inbox.received()) == 1
