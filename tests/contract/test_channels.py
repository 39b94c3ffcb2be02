"""What holds for every channel: it delivers, says what a refusal means, keeps text a text, and never tells a secret.

A new channel adds its peer to PEERS; without one this suite fails.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from buildnet_cli import redact
from buildnet_cli.channels.console import ConsoleChannel
from buildnet_cli.channels.push.adapter import PushChannel
from buildnet_cli.channels.registry import SUPPORTED, open_channels
from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.config.channels.push import Push
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.ids import new_id
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import fcm
from buildnet_cli.sandbox.inbox import Received
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, event, outgoing

pytestmark = pytest.mark.integration

SECRET = "T0PSECRET-c4n4ry-71c2"
HOSTILE = '{{event.id}} <!channel> @everyone <@U1> &amp; \x1b[2J\x07\u202e ``` "quoted" \'n\nline'
OVER_LONG = "long " * 20_000


@dataclass(frozen=True)
class Peer:
    """How the suite reaches one channel and reads what its provider got.

    open: the channel, sending to an endpoint on the inbox. scripted_as: by which name the provider's answers can be scripted;
    empty if they cannot. secret: what must never show. stamp: what tells a receiver that two requests are one message; None if
    the provider has no place for that.
    """

    kind: str
    recipient: str
    open: Callable[[HttpClient, HttpInbox], Channel]
    sent: Callable[[HttpInbox], str]
    scripted_as: str = ""
    secret: str = SECRET
    stamp: Callable[[Received], str] | None = None
    delivery_id: str = field(default_factory=lambda: new_id("dlv"))

    def message(self, **options: Any) -> OutgoingMessage:
        sample = options.pop("event", SAMPLES["build.failed-first"])
        message = outgoing(render(sample), f"{self.kind}:{self.recipient}", **options)
        return replace(message, delivery_id=self.delivery_id)


def webhook(form: str) -> Peer:
    def channel(http: HttpClient, inbox: HttpInbox) -> Channel:
        options: dict[str, Any] = {
            "name": form,
            "url": inbox.hook(f"{form}-{SECRET}"),
            "format": form,
            "auth": {"type": "bearer", "token": SECRET},
            "headers": {"X-Token": SECRET},
            "timeout_secs": 1,
        }
        return WebhookChannel([Webhook(**options)], http)

    return Peer("webhook", form, channel, last_body, scripted_as=f"{form}-{SECRET}", stamp=lambda got: got.headers["webhook-id"])


def push() -> Peer:
    def channel(http: HttpClient, inbox: HttpInbox) -> Channel:
        credentials = json.dumps(inbox.get(f"{fcm.PREFIX}/service-account.json"))
        firebase = {"project_id": fcm.PROJECT, "credentials": credentials, "base_url": inbox.url + fcm.PREFIX}
        topics = {"firebase": firebase, "topics": [{"name": "builds"}]}
        return PushChannel(Push.model_validate(topics), http, timeout_secs=1)

    return Peer(
        "push",
        "builds",
        channel,
        last_body,
        scripted_as="builds",
        secret=fcm.TOKENS,
        stamp=lambda got: str(got.body["message"]["data"]["delivery_id"]),
    )


def console() -> Peer:
    stream = io.StringIO()
    return Peer("console", "terminal", lambda _http, _inbox: ConsoleChannel(stream), lambda _: stream.getvalue())


def last_body(inbox: HttpInbox) -> str:
    return json.dumps(inbox.received()[-1].body, ensure_ascii=False)


PEERS: dict[str, Callable[[], Peer]] = {
    "console": console,
    "webhook-json": lambda: webhook("json"),
    "webhook-slack": lambda: webhook("slack"),
    "webhook-discord": lambda: webhook("discord"),
    "push": push,
}


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    return PEERS[request.param]()


@pytest.fixture(params=[name for name in PEERS if name != "console"])
def provider(request: pytest.FixtureRequest) -> Peer:
    peer = PEERS[request.param]()
    assert peer.scripted_as
    return peer


def test_every_registered_channel_is_tried_here() -> None:
    assert {make().kind for make in PEERS.values()} == SUPPORTED


async def test_only_what_is_on_is_opened(http: HttpClient) -> None:
    hooks = [{"name": "a", "url": "https://a.example/x"}, {"name": "b", "url": "https://b.example/x", "enabled": False}]
    config = Config.model_validate({"notifications": {"channels": {"webhooks": hooks}}})
    assert set(open_channels(config, http)) == {"webhook"}
    assert set(open_channels(config, http, io.StringIO())) == {"webhook", "console"}
    assert set(open_channels(Config.model_validate({"notifications": {"enabled": False}}), http)) == set()
    with pytest.raises(ChannelError, match="no webhook"):
        await open_channels(config, http)["webhook"].send(outgoing(render(event()), "webhook:b"))


async def test_a_channel_names_its_kind_and_delivers(peer: Peer, http: HttpClient, inbox: HttpInbox) -> None:
    channel = peer.open(http, inbox)
    assert channel.kind == peer.kind
    receipt = await channel.send(peer.message())
    assert receipt.detail
    assert "TS2345" in peer.sent(inbox)
    await channel.close()


async def test_hostile_text_is_delivered_as_text(peer: Peer, http: HttpClient, inbox: HttpInbox) -> None:
    channel = peer.open(http, inbox)
    await channel.send(peer.message(event=event("custom.x", HOSTILE, HOSTILE.replace("\n", " "), note=HOSTILE)))
    sent = peer.sent(inbox)
    assert "quoted" in sent
    assert "\x1b" not in sent
    assert "{{event.id}}" in sent or "\\\\{" in sent or r"\{" in sent


async def test_a_text_that_is_far_too_long_is_delivered_all_the_same(peer: Peer, http: HttpClient, inbox: HttpInbox) -> None:
    channel = peer.open(http, inbox)
    message = event("build.failed", OVER_LONG, "api", error={"headline": OVER_LONG, "tail": OVER_LONG}, host=OVER_LONG)
    await channel.send(peer.message(event=message))
    assert "long long" in peer.sent(inbox)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.PERMANENT),
        (400, Outcome.PERMANENT),
        (401, Outcome.HOLD),
        (403, Outcome.HOLD),
        (404, Outcome.PERMANENT),
        (408, Outcome.RETRY),
        (410, Outcome.PERMANENT),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (503, Outcome.RETRY),
    ],
)
async def test_a_refusal_says_what_becomes_of_the_message(
    provider: Peer, http: HttpClient, inbox: HttpInbox, status: int, outcome: Outcome
) -> None:
    # Twice, for a channel that renews its credential before it believes that it is refused.
    inbox.script(provider.scripted_as, *[{"status": status, "retry_after": 7}] * 2)
    with pytest.raises(ChannelError) as caught:
        await provider.open(http, inbox).send(provider.message())
    assert (caught.value.outcome, caught.value.status) == (outcome, status)
    assert caught.value.retry_after_secs == (7 if outcome is Outcome.RETRY else None)


async def test_after_a_refusal_the_next_attempt_delivers(provider: Peer, http: HttpClient, inbox: HttpInbox) -> None:
    channel = provider.open(http, inbox)
    inbox.script(provider.scripted_as, 503)
    with pytest.raises(ChannelError):
        await channel.send(provider.message())
    await channel.send(provider.message(attempt=2))
    first, second = inbox.received()
    if provider.stamp is not None:
        assert provider.stamp(first) == provider.stamp(second) == provider.message().delivery_id
    if provider.kind == "webhook":
        assert [message.headers["x-delivery-attempt"] for message in (first, second)] == ["1", "2"]


async def test_an_answer_that_never_comes_leaves_the_outcome_unknown(provider: Peer, http: HttpClient, inbox: HttpInbox) -> None:
    inbox.script(provider.scripted_as, "hang")
    with pytest.raises(ChannelError, match="did not answer within 1 s") as caught:
        await provider.open(http, inbox).send(provider.message())
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_a_provider_that_is_down_is_tried_again(provider: Peer, http: HttpClient) -> None:
    with http_inbox() as gone:
        channel = provider.open(http, gone)
    with pytest.raises(ChannelError, match="cannot be reached") as caught:
        await channel.send(provider.message())
    assert caught.value.outcome is Outcome.RETRY


@pytest.mark.parametrize("answer", [400, 503, {"status": 302}, "hang"])
async def test_a_secret_is_in_no_error_log_or_repr(
    provider: Peer, http: HttpClient, inbox: HttpInbox, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    redact.register(provider.secret)
    if answer == 400:
        answer = {"status": 400, "text": f"bad token {provider.secret}"}
    caplog.set_level(logging.DEBUG)
    channel = provider.open(http, inbox)
    inbox.script(provider.scripted_as, answer)
    with pytest.raises(ChannelError) as caught:
        await channel.send(provider.message())
    inbox.script(provider.scripted_as, 200)
    await channel.send(provider.message())
    error = caught.value
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]  # that is the provider
    told = [str(error), error.hint, error.where, repr(error), repr(channel), repr(vars(channel)), *logged]
    assert not [text for text in told if provider.secret in text]
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
