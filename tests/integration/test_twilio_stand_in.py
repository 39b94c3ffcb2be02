"""The stand-in for Twilio, as Twilio's own library finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from buildnet_cli.sandbox import twilio
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

TO = "+14155550123"


class Redirected(TwilioHttpClient):
    """The library's own client, sent to another host: it has no setting for that."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self._url = url

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._url), *args, **options)


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture
def client(inbox: HttpInbox) -> Iterator[Client]:
    yield from client_of(inbox)


def client_of(inbox: HttpInbox, token: str = twilio.AUTH_TOKEN, account: str = twilio.ACCOUNT_SID) -> Iterator[Client]:
    door = Redirected(inbox.url + twilio.PREFIX)
    yield Client(account, token, http_client=door)
    assert door.session is not None
    door.session.close()


def test_a_message_is_taken_and_told_as_twilio_tells_it(client: Client, inbox: HttpInbox) -> None:
    sent = client.messages.create(to=TO, from_=twilio.FROM_NUMBER, body="é" * 161)
    assert (sent.status, sent.direction, sent.num_segments, sent.num_media) == ("queued", "outbound-api", "2", "0")
    assert (sent.to, sent.from_, sent.body, sent.error_code, sent.price) == (TO, twilio.FROM_NUMBER, "é" * 161, None, None)
    assert sent.sid is not None
    assert sent.sid.startswith("SM")
    assert len(sent.sid) == 34
    assert sent.date_created is not None
    assert sent.date_created.tzinfo is not None
    assert client.messages(sent.sid).fetch().body == sent.body
    assert [got.recipient for got in inbox.received()] == [TO]


def test_a_messaging_service_accepts_a_message_before_it_has_a_sender(client: Client) -> None:
    sent = client.messages.create(to=TO, messaging_service_sid=twilio.SERVICE_SID, body="hello")
    assert (sent.status, sent.num_segments, sent.from_) == ("accepted", "0", None)


def test_messages_are_listed_newest_first_by_recipient_and_sender_page_by_page(client: Client) -> None:
    for number in range(5):
        client.messages.create(to=TO, from_=twilio.FROM_NUMBER, body=f"number {number}")
    client.messages.create(to="+14155550199", messaging_service_sid=twilio.SERVICE_SID, body="elsewhere")
    assert [each.body for each in client.messages.list(to=TO, page_size=2)] == [f"number {number}" for number in (4, 3, 2, 1, 0)]
    assert [each.body for each in client.messages.list(to=TO, limit=2)] == ["number 4", "number 3"]
    assert len(client.messages.list(from_=twilio.FROM_NUMBER)) == 5
    assert len(client.messages.list()) == 6


REFUSALS: list[tuple[dict[str, str], int, int]] = [
    ({"to": "+15005550001"}, 400, 21211),
    ({"to": "12345"}, 400, 21211),
    ({"to": "+15005550002"}, 400, 21612),
    ({"to": "+15005550003"}, 400, 21408),
    ({"to": "+15005550004"}, 400, 21610),
    ({"to": "+15005550009"}, 400, 21614),
    ({"to": ""}, 400, 21604),
    ({"from_": "+15005550001"}, 400, 21212),
    ({"from_": "+15005550007"}, 400, 21606),
    ({"from_": "+14155550100"}, 400, 21606),
    ({"from_": "+15005550008"}, 429, 21611),
    ({"from_": ""}, 400, 21603),
    ({"body": ""}, 400, 21602),
    ({"body": "x" * 1601}, 400, 21617),
    ({"messaging_service_sid": "MG1"}, 404, 21701),
]


@pytest.mark.parametrize(("change", "status", "code"), REFUSALS, ids=lambda value: str(value)[:40])
def test_what_twilio_refuses_is_refused_with_its_code(
    change: dict[str, str], status: int, code: int, client: Client, inbox: HttpInbox
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(**{"to": TO, "from_": twilio.FROM_NUMBER, "body": "hello", **change})
    assert (caught.value.status, caught.value.code) == (status, code)
    assert inbox.received() == []


@pytest.mark.parametrize(("account", "token"), [(twilio.ACCOUNT_SID, "wrong"), ("AC" + "1" * 32, twilio.AUTH_TOKEN)])
def test_another_credential_is_refused(account: str, token: str, inbox: HttpInbox) -> None:
    for client in client_of(inbox, token, account):
        with pytest.raises(TwilioRestException, match="Authenticate") as caught:
            client.messages.create(to=TO, from_=twilio.FROM_NUMBER, body="hello")
        assert (caught.value.status, caught.value.code) == (401, 20003)


def test_a_message_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(TwilioRestException) as caught:
        client.messages("SM" + "9" * 32).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)


@pytest.mark.parametrize(("status", "code"), [(429, 20429), (503, 20503), (401, 20003)])
def test_a_scripted_refusal_has_twilios_form(status: int, code: int, client: Client, inbox: HttpInbox) -> None:
    inbox.script("twilio", status)
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=TO, from_=twilio.FROM_NUMBER, body="hello")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert client.messages.list() == []
