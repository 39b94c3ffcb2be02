"""Webhooks as a receiver sees them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.delivery.model import Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.inbox import Received
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, event, outgoing
from tests.support.raw_provider import raw_provider

pytestmark = pytest.mark.integration

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


async def deliver(
    http: HttpClient, inbox: HttpInbox, sample: str = "build.failed-first", **options: Any
) -> tuple[Receipt, Received]:
    """Send one sample to a webhook with these settings."""
    webhook = Webhook(**{"name": "Custom API", "url": inbox.hook("custom"), **options})
    receipt = await WebhookChannel([webhook], http).send(outgoing(render(SAMPLES[sample])))
    return receipt, inbox.received()[-1]


async def test_json_is_the_event_as_on_every_wire_with_a_stable_id(http: HttpClient, inbox: HttpInbox) -> None:
    receipt, got = await deliver(http, inbox)
    assert got.method == "POST"
    assert got.body == SAMPLES["build.failed-first"].as_wire()
    expected = {
        "content-type": "application/json",
        "user-agent": "buildnet-notify/0.1.0",
        "webhook-id": "dlv_01hn3p4q5r6s7t8v9w0x1y2z3b",
        "webhook-timestamp": "1706270400",
        "x-delivery-attempt": "1",
    }
    assert expected.items() <= got.headers.items()
    assert not {"webhook-signature", "authorization", "cookie"} & got.headers.keys()
    assert receipt == Receipt("", "HTTP 200")


async def test_a_header_says_how_many_like_it_were_not_sent(http: HttpClient, inbox: HttpInbox) -> None:
    webhook = Webhook(name="Custom API", url=inbox.hook("custom"))
    message = outgoing(render(SAMPLES["build.failed-first"]))
    for repeats, header in ((0, None), (4, "4")):
        await WebhookChannel([webhook], http).send(replace(message, repeats=repeats))
        got = inbox.received()[-1]
        assert got.headers.get("x-delivery-repeats") == header
        assert got.body == SAMPLES["build.failed-first"].as_wire(), "the body is the event as on every wire"


async def test_a_receiver_can_verify_the_signature_over_what_arrived(http: HttpClient, inbox: HttpInbox) -> None:
    # The template makes the body a text, so that the inbox keeps it byte by byte.
    secret = "whsec_" + base64.b64encode(KEY).decode()
    _, got = await deliver(http, inbox, secret=secret, template="{{event.message}} é", headers={"Content-Type": "text/plain"})
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.{got.body}".encode()
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{digest}"


async def test_credential_headers_and_method_go_out_as_configured(http: HttpClient, inbox: HttpInbox) -> None:
    _, got = await deliver(
        http,
        inbox,
        method="PUT",
        auth={"type": "bearer", "token": "t0ken-t0ken"},
        headers={"X-Team": "ops", "content-type": "application/json; charset=utf-8", "Webhook-Id": "forged"},
    )
    assert got.method == "PUT"
    assert got.headers["authorization"] == "Bearer t0ken-t0ken"
    assert got.headers["x-team"] == "ops"
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert got.headers["webhook-id"] == "dlv_01hn3p4q5r6s7t8v9w0x1y2z3b"


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"type": "bearer", "token": "t0ken-t0ken"}, "authorization", "Bearer t0ken-t0ken"),
        # Source: RFC 7617, section 2 and section 2.1.
        (
            {"type": "basic", "username": "Aladdin", "password": "open sesame"},
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ({"type": "basic", "username": "test", "password": "123£"}, "authorization", "Basic dGVzdDoxMjPCow=="),
        ({"type": "header", "header": "X-API-Key", "token": "k3y-k3y"}, "x-api-key", "k3y-k3y"),
    ],
)
async def test_every_kind_of_credential_goes_out(
    http: HttpClient, inbox: HttpInbox, auth: dict[str, str], name: str, value: str
) -> None:
    _, got = await deliver(http, inbox, auth=auth, headers={"Authorization": "other", "X-Api-Key": "other"})
    assert got.headers[name] == value


async def test_discord_is_asked_to_say_what_became_of_it(http: HttpClient, inbox: HttpInbox) -> None:
    receipt, got = await deliver(http, inbox, url=inbox.hook("discord") + "?thread_id=7&wait=false", format="discord")
    assert receipt.provider_id == str(got.number), "the stand-in names the message only if wait=true"
    assert got.body["embeds"][0]["title"] == r"api FAILED \(1st after 14 ok\)"


async def test_slack_gets_text_and_blocks(http: HttpClient, inbox: HttpInbox) -> None:
    _, got = await deliver(http, inbox, url=inbox.hook("slack"), format="slack")
    assert got.body["text"].startswith("api FAILED (1st after 14 ok)\n")
    assert got.body["blocks"][0]["type"] == "header"


async def test_the_template_of_the_specification_works_whatever_the_message(
    http: HttpClient, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    template = '{\n  "text": "{{event.type}}: {{event.message}}",\n  "attachments": [...]\n}\n'
    channel = WebhookChannel([Webhook(name="Slack", url=inbox.hook("slack"), format="slack", template=template)], http)
    await channel.send(outgoing(render(event("custom.x", 'a "quote", a \\ and\na line", "evil": "1')), "webhook:Slack"))
    assert inbox.received()[-1].body == {"text": 'custom.x: a "quote", a \\ and\na line", "evil": "1', "attachments": []}
    assert "read as an empty list" in caplog.text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ('{"text": {{event.message}}}', "is no JSON"),
        ('{"text": "{% set x = 1 %}"}', "cannot use set"),
        ('{"text": "{{event.payload.branch}}"}', 'there is no "branch"'),
        (
            '{"text": "{% for a in event.message %}{% for b in event.message %}{{ event.message }}{% endfor %}{% endfor %}"}',
            "too much",
        ),
    ],
)
async def test_a_failing_template_gives_way_to_the_built_in_form_and_is_reported(
    http: HttpClient, inbox: HttpInbox, caplog: pytest.LogCaptureFixture, template: str, told: str
) -> None:
    channel = WebhookChannel([Webhook(name="Custom API", url=inbox.hook("custom"), template=template)], http)
    sample = event("custom.x", "word " * 100)
    await channel.send(outgoing(render(sample)))
    assert inbox.received()[-1].body == sample.as_wire()
    assert [record.levelno for record in caplog.records if told in record.getMessage()] == [logging.WARNING]
    assert caplog.records[-1].__dict__["webhook"] == "Custom API"


async def test_a_webhook_that_is_no_longer_configured_is_a_final_refusal(http: HttpClient, inbox: HttpInbox) -> None:
    channel = WebhookChannel([], http)
    with pytest.raises(ChannelError, match='no webhook is called "Custom API"') as caught:
        await channel.send(outgoing(render(event())))
    assert caught.value.outcome is Outcome.PERMANENT


async def test_a_captive_portal_is_not_taken_for_slack(http: HttpClient, inbox: HttpInbox) -> None:
    inbox.script("slack", {"status": 200, "text": "<html>Please sign in to the guest network</html>"})
    with pytest.raises(ChannelError, match="web page") as caught:
        await deliver(http, inbox, url=inbox.hook("slack"), format="slack")
    assert caught.value.outcome is Outcome.RETRY


@pytest.mark.parametrize(("verify", "method"), [(True, "POST"), (False, "PUT"), (False, "PATCH")])
async def test_an_untrusted_certificate_is_taken_only_if_the_endpoint_says_so(
    http: HttpClient, tmp_path: Path, verify: bool, method: str
) -> None:
    with raw_provider() as provider:
        url = provider.url("hook", {"tls": "self_signed"}, tmp_path)
        webhook = Webhook.model_validate({"name": "hook", "url": url, "verify": verify, "method": method, "timeout_secs": 5})
        sending = WebhookChannel([webhook], http).send(outgoing(render(event()), "webhook:hook"))
        if verify:
            with pytest.raises(ChannelError, match="certificate"):
                await sending
        else:
            assert (await sending).detail == "HTTP 200"
        assert provider.asked["hook"] == (0 if verify else 1)
