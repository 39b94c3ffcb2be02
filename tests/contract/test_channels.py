"""What holds for every channel: it delivers, says what a refusal means, keeps text a text, and never tells a secret.

A new channel adds its peer to PEERS; without one this suite fails.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from buildnet_cli import redact
from buildnet_cli.channels.console import ConsoleChannel
from buildnet_cli.channels.discord.adapter import DiscordChannel
from buildnet_cli.channels.push.adapter import PushChannel
from buildnet_cli.channels.registry import SUPPORTED, open_channels
from buildnet_cli.channels.slack.adapter import SlackChannel
from buildnet_cli.channels.sms.adapter import SmsChannel
from buildnet_cli.channels.telegram.adapter import TelegramChannel
from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.clock import SystemClock
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.config.channels.push import Push
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.ids import new_id
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import fcm, sendgrid, ses, smtp, telegram, twilio
from buildnet_cli.sandbox.discord import routes as discord_api
from buildnet_cli.sandbox.slack import routes as slack_api
from tests.support import mails
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, event, outgoing

pytestmark = pytest.mark.integration

HTTP = {
    301: Outcome.PERMANENT,
    400: Outcome.PERMANENT,
    401: Outcome.HOLD,
    403: Outcome.HOLD,
    404: Outcome.PERMANENT,
    408: Outcome.RETRY,
    410: Outcome.GONE,
    429: Outcome.RETRY,
    500: Outcome.RETRY,
    503: Outcome.RETRY,
}
SMTP = {
    421: Outcome.RETRY,
    450: Outcome.RETRY,
    451: Outcome.RETRY,
    452: Outcome.RETRY,
    454: Outcome.RETRY,
    530: Outcome.PERMANENT,
    535: Outcome.HOLD,
    550: Outcome.PERMANENT,
    552: Outcome.PERMANENT,
    554: Outcome.PERMANENT,
}

SECRET = "T0PSECRET-c4n4ry-71c2"
HOSTILE = '{{event.id}} <!channel> @everyone <@U1> &amp; \x1b[2J\x07\u202e ``` "quoted" \'n\nline'
ROOMS = itertools.count(100_000_000_000_000_100)
OVER_LONG = "long " * 20_000


@dataclass(frozen=True)
class Peer:
    """How the suite reaches one channel and reads what its provider got.

    open: the channel, sending to an endpoint on the inbox. scripted: whether the provider's answers can be scripted.
    told_as: how the inbox calls the recipient. secret: what the channel proves itself with.
    outcomes: what each status means. delay: what a scripted delay of 7 s becomes; None if the provider can name none.
    """

    kind: str
    recipient: str
    open: Callable[[HttpClient, HttpInbox], Channel]
    sent: Callable[[HttpInbox], str]
    scripted: bool = True
    told_as: str = ""
    secret: str = SECRET
    outcomes: Mapping[int, Outcome] = field(default_factory=lambda: HTTP)
    delay: float | None = 7
    delivery_id: str = field(default_factory=lambda: new_id("dlv"))
    sent_at: datetime = field(default_factory=SystemClock().now)  # whoever checks a signature checks its time

    def message(self, **options: Any) -> OutgoingMessage:
        sample = options.pop("event", SAMPLES["build.failed-first"])
        message = outgoing(render(sample), f"{self.kind}:{self.recipient}", **options)
        return replace(message, delivery_id=self.delivery_id, sent_at=self.sent_at)


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

    return Peer("webhook", form, channel, last_body, told_as=f"{form}-{SECRET}")


def last_body(inbox: HttpInbox) -> str:
    return json.dumps(inbox.received()[-1].body, ensure_ascii=False)


def slack() -> Peer:
    room = {"id": "C0123456789", "name": "#builds"}

    def channel(http: HttpClient, inbox: HttpInbox) -> Channel:
        app = Slack.model_validate({"bot_token": slack_api.BOT_TOKEN, "channels": [room], "base_url": f"{inbox.url}/slack/api"})
        return SlackChannel(app, http, timeout_secs=1)

    return Peer("slack", room["name"], channel, last_body, told_as=room["id"], secret=slack_api.BOT_TOKEN)


def discord() -> Peer:
    room = {"id": str(next(ROOMS)), "name": "builds"}  # one for each test, as Discord limits what goes to a room

    def channel(http: HttpClient, inbox: HttpInbox) -> Channel:
        base = f"{inbox.url}/discord/api/v10"
        bot = Discord.model_validate({"bot_token": discord_api.BOT_TOKEN, "channels": [room], "base_url": base})
        return DiscordChannel(bot, http, timeout_secs=1)

    return Peer(
        "discord",
        room["name"],
        channel,
        last_body,
        told_as=room["id"],
        secret=discord_api.BOT_TOKEN,
    )


def push() -> Peer:
    def channel(http: HttpClient, inbox: HttpInbox) -> Channel:
        credentials = json.dumps(inbox.get(f"{fcm.PREFIX}/service-account.json"))
        firebase = {"project_id": fcm.PROJECT, "credentials": credentials, "base_url": inbox.url + fcm.PREFIX}
        project = {"firebase": firebase, "topics": [{"name": "builds"}]}
        return PushChannel(Push.model_validate(project), http, timeout_secs=1)

    return Peer("push", "builds", channel, last_body, told_as="builds", secret=fcm.TOKENS, outcomes={**HTTP, 404: Outcome.GONE})


def sms() -> Peer:
    options: dict[str, Any] = {
        "account_sid": twilio.ACCOUNT_SID,
        "auth_token": twilio.AUTH_TOKEN,
        "from_number": twilio.FROM_NUMBER,
        "recipients": [{"phone": "+14155550123", "name": "Lead"}],
    }
    return Peer(
        "sms",
        "Lead",
        lambda http, inbox: SmsChannel(Sms(**options, base_url=inbox.url + twilio.PREFIX), http, timeout_secs=1),
        last_body,
        told_as="+14155550123",
        secret=twilio.AUTH_TOKEN,
    )


def telegram_bot() -> Peer:
    options: dict[str, Any] = {"bot_token": telegram.TOKEN, "chats": [{"id": "-1001234567890", "name": "Builds"}]}
    return Peer(
        "telegram",
        "Builds",
        lambda http, inbox: TelegramChannel(Telegram(**options, base_url=inbox.url + telegram.PREFIX), http, timeout_secs=1),
        last_body,
        told_as="-1001234567890",
        secret=telegram.TOKEN,
        # 403 speaks of one chat, 404 of the token in the URL.
        outcomes={**HTTP, 403: Outcome.PERMANENT, 404: Outcome.HOLD},
    )


def mail(open_: Callable[[HttpClient, HttpInbox], Channel], secret: str, **options: Any) -> Peer:
    def sent(inbox: HttpInbox) -> str:
        return "\n".join(mails.parts_of(inbox.received()[-1]).values())

    return Peer("email", "DevOps Team", open_, sent, told_as=mails.ADDRESS, secret=secret, **options)


def console() -> Peer:
    stream = io.StringIO()
    return Peer("console", "terminal", lambda _http, _inbox: ConsoleChannel(stream), lambda _: stream.getvalue(), scripted=False)


PEERS: dict[str, Callable[[], Peer]] = {
    "console": console,
    "webhook-json": lambda: webhook("json"),
    "webhook-slack": lambda: webhook("slack"),
    "webhook-discord": lambda: webhook("discord"),
    "email-smtp": lambda: mail(mails.by_smtp, smtp.PASSWORD, outcomes=SMTP, delay=None),
    "email-sendgrid": lambda: mail(mails.by_sendgrid, sendgrid.API_KEY),
    "email-ses": lambda: mail(mails.by_ses, ses.SECRET_ACCESS_KEY),
    "slack": slack,
    "discord": discord,
    "sms": sms,
    "push": push,
    "telegram": telegram_bot,
}
PROVIDERS = [name for name in PEERS if name != "console"]
ANSWERS = [(name, status, outcome) for name in PROVIDERS for status, outcome in PEERS[name]().outcomes.items()]
Opener = Callable[[Peer, HttpInbox], Channel]


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
async def opened(http: HttpClient) -> AsyncIterator[Opener]:
    """Opens a peer's channel, which is closed when the test ends."""
    channels: list[Channel] = []

    def open_(peer: Peer, inbox: HttpInbox) -> Channel:
        channels.append(peer.open(http, inbox))
        return channels[-1]

    yield open_
    for channel in channels:
        await channel.close()


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    return PEERS[request.param]()


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Peer:
    peer = PEERS[request.param]()
    assert peer.scripted
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


async def test_a_channel_names_its_kind_and_delivers(peer: Peer, opened: Opener, inbox: HttpInbox) -> None:
    channel = opened(peer, inbox)
    assert channel.kind == peer.kind
    receipt = await channel.send(peer.message())
    assert receipt.detail
    assert "TS2345" in peer.sent(inbox)


async def test_hostile_text_is_delivered_as_text(peer: Peer, opened: Opener, inbox: HttpInbox) -> None:
    channel = opened(peer, inbox)
    await channel.send(peer.message(event=event("custom.x", HOSTILE, HOSTILE.replace("\n", " "), note=HOSTILE)))
    sent = peer.sent(inbox)
    assert "quoted" in sent
    assert "\x1b" not in sent
    assert "{{event.id}}" in sent or "\\\\{" in sent or r"\{" in sent


async def test_a_text_that_is_far_too_long_is_delivered_all_the_same(peer: Peer, opened: Opener, inbox: HttpInbox) -> None:
    channel = opened(peer, inbox)
    message = event("build.failed", OVER_LONG, "api", error={"headline": OVER_LONG, "tail": OVER_LONG}, host=OVER_LONG)
    await channel.send(peer.message(event=message))
    assert "long long" in peer.sent(inbox)


@pytest.mark.parametrize(("name", "status", "outcome"), ANSWERS)
async def test_a_refusal_says_what_becomes_of_the_message(
    name: str, opened: Opener, inbox: HttpInbox, status: int, outcome: Outcome
) -> None:
    provider = PEERS[name]()
    # Twice, for a channel that renews its access before it believes that it is refused.
    inbox.script(provider.told_as, *[{"status": status, "retry_after": 7}] * 2)
    with pytest.raises(ChannelError) as caught:
        await opened(provider, inbox).send(provider.message())
    assert (caught.value.outcome, caught.value.status) == (outcome, status)
    delay = provider.delay if outcome is Outcome.RETRY else None
    # A provider may name a moment instead of a delay, in whole seconds.
    assert caught.value.retry_after_secs == (pytest.approx(delay, abs=2) if delay is not None else None)


async def test_after_a_refusal_the_next_attempt_delivers(provider: Peer, opened: Opener, inbox: HttpInbox) -> None:
    channel = opened(provider, inbox)
    inbox.script(provider.told_as, 503)
    with pytest.raises(ChannelError):
        await channel.send(provider.message())
    await channel.send(provider.message(attempt=2))
    first, second = inbox.received()
    assert first.body == second.body
    if provider.kind == "webhook":
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == provider.message().delivery_id
        assert [message.headers["x-delivery-attempt"] for message in (first, second)] == ["1", "2"]


async def test_an_answer_that_never_comes_leaves_the_outcome_unknown(provider: Peer, opened: Opener, inbox: HttpInbox) -> None:
    inbox.script(provider.told_as, "hang")
    with pytest.raises(ChannelError, match="did not answer within 1 s") as caught:
        await opened(provider, inbox).send(provider.message())
    assert caught.value.outcome is Outcome.UNKNOWN


async def test_a_provider_that_is_down_is_tried_again(provider: Peer, opened: Opener) -> None:
    with http_inbox() as gone:
        channel = opened(provider, gone)
    with pytest.raises(ChannelError, match="cannot be reached") as caught:
        await channel.send(provider.message())
    assert caught.value.outcome is Outcome.RETRY


@pytest.mark.parametrize("answer", [{"status": 400, "text": "bad token {}"}, 503, {"status": 401}, "hang"])
async def test_a_secret_is_in_no_error_log_or_repr(
    provider: Peer, opened: Opener, inbox: HttpInbox, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    redact.register(provider.secret)
    if isinstance(answer, dict) and "text" in answer:
        answer = {**answer, "text": answer["text"].format(provider.secret)}
    caplog.set_level(logging.DEBUG)
    channel = opened(provider, inbox)
    inbox.script(provider.told_as, answer, answer)
    with pytest.raises(ChannelError) as caught:
        await channel.send(provider.message())
    inbox.script(provider.told_as, 200)
    await channel.send(provider.message())
    error = caught.value
    providers = ("uvicorn", "mail.log")  # what they log is not ours
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith(providers)]
    told = [str(error), error.hint, error.where, repr(error), repr(channel), repr(vars(channel)), *logged]
    assert not [text for text in told if provider.secret in text]
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
