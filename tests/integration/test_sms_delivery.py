"""Text messages as Twilio sees them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buildnet_cli.channels.sms.adapter import SmsChannel
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import twilio
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, event, outgoing

pytestmark = pytest.mark.integration

PHONE = "+14155550123"


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


def channel(http: HttpClient, inbox: HttpInbox, **options: Any) -> SmsChannel:
    given: dict[str, Any] = {
        "account_sid": twilio.ACCOUNT_SID,
        "auth_token": twilio.AUTH_TOKEN,
        "from_number": twilio.FROM_NUMBER,
        "recipients": [{"phone": PHONE, "name": "Lead"}],
        "base_url": inbox.url + twilio.PREFIX,
    }
    return SmsChannel(Sms(**{**given, **options}), http, timeout_secs=1)


def message(*, attempt: int = 1, begun: datetime | None = None, text: str = "disk is full") -> OutgoingMessage:
    happened = dataclasses.replace(event("custom.x", text), timestamp=begun or datetime.now(UTC))
    return outgoing(render(happened), "sms:Lead", attempt=attempt)


async def test_a_message_goes_from_the_configured_number_to_the_phone_of_its_recipient(
    http: HttpClient, inbox: HttpInbox
) -> None:
    receipt = await channel(http, inbox).send(outgoing(render(SAMPLES["resource.disk.low"]), "sms:Lead"))
    (got,) = inbox.received()
    assert got.body == {
        "To": PHONE,
        "From": twilio.FROM_NUMBER,
        "Body": "ci-01 disk /var/www LOW, 96.2% used\nDisk space below threshold",
    }
    assert receipt.provider_id == f"SM{got.number:032x}"
    assert receipt.detail == "queued, 1 segment"
    assert got.reading.title == "ci-01 disk /var/www LOW, 96.2% used"


async def test_a_service_and_a_callback_go_along(http: HttpClient, inbox: HttpInbox) -> None:
    options = {"messaging_service_sid": twilio.SERVICE_SID, "from_number": None, "status_callback": "https://ci.example/status"}
    await channel(http, inbox, **options).send(message())
    (got,) = inbox.received()
    assert got.body["MessagingServiceSid"] == twilio.SERVICE_SID
    assert got.body["StatusCallback"] == "https://ci.example/status"
    assert "From" not in got.body


@pytest.mark.parametrize(
    ("options", "outcome", "said", "hint"),
    [
        ({"auth_token": "another-token"}, Outcome.HOLD, "Twilio 20003: Authenticate", "account_sid and auth_token"),
        ({"from_number": "+15005550007"}, Outcome.PERMANENT, "Twilio 21606: The From", "from_number"),
        ({"from_number": "+15005550008"}, Outcome.RETRY, "Twilio 21611", ""),
        ({"recipients": [{"phone": "+15005550004", "name": "Lead"}]}, Outcome.PERMANENT, "Twilio 21610", "START"),
        ({"recipients": [{"phone": "+15005550003", "name": "Lead"}]}, Outcome.PERMANENT, "Twilio 21408", "Geo permissions"),
    ],
)
async def test_a_refusal_is_told_in_twilios_words_with_what_to_do(
    http: HttpClient, inbox: HttpInbox, options: dict[str, Any], outcome: Outcome, said: str, hint: str
) -> None:
    with pytest.raises(ChannelError) as caught:
        await channel(http, inbox, **options).send(message())
    assert caught.value.outcome is outcome
    assert caught.value.message.startswith(said)
    assert hint in caught.value.hint


async def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(http: HttpClient, inbox: HttpInbox) -> None:
    sms = channel(http, inbox)
    begun = datetime.now(UTC)
    inbox.script(PHONE, "hang")
    with pytest.raises(ChannelError) as caught:
        await sms.send(message(begun=begun))
    assert caught.value.outcome is Outcome.UNKNOWN
    receipt = await sms.send(message(attempt=2, begun=begun))
    (got,) = inbox.received()
    assert receipt.provider_id == f"SM{got.number:032x}"


async def test_a_message_that_never_arrived_is_sent_again(http: HttpClient, inbox: HttpInbox) -> None:
    sms = channel(http, inbox)
    inbox.script(PHONE, 503)
    with pytest.raises(ChannelError):
        await sms.send(message())
    await sms.send(message(attempt=2))
    assert [got.answered for got in inbox.received()] == [503, 200]


async def test_what_was_sent_before_the_event_or_says_something_else_is_not_taken_for_it(
    http: HttpClient, inbox: HttpInbox
) -> None:
    sms = channel(http, inbox)
    await sms.send(message())
    await sms.send(message(attempt=2, begun=datetime.now(UTC) + timedelta(minutes=5)))
    await sms.send(message(attempt=2, text="another text"))
    assert len(inbox.received()) == 3


async def test_a_login_page_in_between_is_no_delivery(http: HttpClient, inbox: HttpInbox) -> None:
    inbox.script(PHONE, {"status": 200, "text": "<html>Sign in to the network"})
    with pytest.raises(ChannelError, match=r"not Twilio's API") as caught:
        await channel(http, inbox).send(message())
    assert caught.value.outcome is Outcome.RETRY


async def test_whoever_left_the_configuration_gets_nothing(http: HttpClient, inbox: HttpInbox) -> None:
    with pytest.raises(ChannelError, match="nobody") as caught:
        await channel(http, inbox).send(outgoing(render(SAMPLES["unknown"]), "sms:Former"))
    assert caught.value.outcome is Outcome.PERMANENT


async def test_the_environment_cannot_send_it_elsewhere(
    http: HttpClient, inbox: HttpInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TWILIO_REGION": "au1", "TWILIO_EDGE": "sydney", "TWILIO_AUTH_TOKEN": "other"}.items():
        monkeypatch.setenv(name, value)
    await channel(http, inbox).send(message())
    assert len(inbox.received()) == 1


def test_the_library_is_loaded_with_the_first_message_only(inbox: HttpInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "twilio"]:
        monkeypatch.delitem(sys.modules, name)
    channel(HttpClient(), inbox)
    assert "twilio" not in sys.modules
