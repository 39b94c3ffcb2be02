"""Push messages as Firebase sees them: access asked for, kept, renewed; every refusal of either endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.channels.push.adapter import PushChannel
from buildnet_cli.clock import SystemClock
from buildnet_cli.config.channels.push import Push
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import fcm
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, outgoing

pytestmark = pytest.mark.integration

MESSAGE = outgoing(render(SAMPLES["build.failed-first"]), "push:builds")


class Later(SystemClock):
    """Ahead of the machine's clock by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


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


def account(inbox: HttpInbox, **changes: Any) -> str:
    return json.dumps(inbox.get(f"{fcm.PREFIX}/service-account.json") | changes)


def channel(http: HttpClient, inbox: HttpInbox, *, credentials: str = "", topic: str = "builds", **options: Any) -> PushChannel:
    firebase = {
        "project_id": options.pop("project_id", fcm.PROJECT),
        "credentials": credentials or account(inbox),
        "base_url": inbox.url + fcm.PREFIX,
    }
    topics = [{"name": "builds"}] + ([{"name": topic}] if topic != "builds" else [])
    return PushChannel(Push.model_validate({"firebase": firebase, "topics": topics}), http, timeout_secs=1, **options)


async def refused(push: PushChannel, topic: str = "builds") -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await push.send(outgoing(MESSAGE.message, f"push:{topic}"))
    return caught.value


def tokens(inbox: HttpInbox) -> list[str]:
    return [got.headers["authorization"] for got in inbox.received("builds")]


async def test_access_is_asked_for_once(http: HttpClient, inbox: HttpInbox) -> None:
    push = channel(http, inbox)
    receipt = await push.send(MESSAGE)
    await push.send(MESSAGE)
    assert receipt.provider_id
    assert len(set(tokens(inbox))) == 1
    (body, _) = [got.body["message"] for got in inbox.received("builds")]
    assert (body["topic"], body["data"]["event_id"]) == ("builds", MESSAGE.message.event.id)


async def test_access_is_renewed_five_minutes_before_it_ends(http: HttpClient, inbox: HttpInbox) -> None:
    clock = Later()
    push = channel(http, inbox, clock=clock)
    for ahead in (0.0, 3_290.0, 3_310.0):
        clock.ahead = ahead
        await push.send(MESSAGE)
    first, second, third = tokens(inbox)
    assert first == second != third


async def test_access_that_is_refused_is_asked_for_again_once(http: HttpClient, inbox: HttpInbox) -> None:
    push = channel(http, inbox)
    inbox.script("builds", 401)
    await push.send(MESSAGE)
    first, second = tokens(inbox)
    assert first != second
    inbox.script("builds", 401, 401)
    found = await refused(push)
    assert (found.outcome, len(tokens(inbox))) == (Outcome.HOLD, 4)


async def test_the_account_may_stand_in_a_file(http: HttpClient, inbox: HttpInbox, tmp_path: Path) -> None:
    path = tmp_path / "firebase.json"
    push = channel(http, inbox, credentials=str(path))
    missing = await refused(push)
    assert (missing.outcome, "No such file" in missing.message) == (Outcome.HOLD, True)
    path.write_text(account(inbox))
    assert (await push.send(MESSAGE)).provider_id


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_email": "someone@else.iam.gserviceaccount.com"}, "account not found"),
        ({"private_key": "nonsense"}, "private key of the service account cannot be read"),
        ({"type": "authorized_user"}, "not of a service account"),
    ],
)
async def test_an_account_that_is_refused_holds_what_waits(
    http: HttpClient, inbox: HttpInbox, changes: dict[str, str], told: str
) -> None:
    found = await refused(channel(http, inbox, credentials=account(inbox, **changes)))
    assert (found.outcome, told in found.message, bool(found.hint)) == (Outcome.HOLD, True, True)
    assert inbox.received() == []


async def test_a_key_of_another_time_is_refused(http: HttpClient, inbox: HttpInbox) -> None:
    with http_inbox() as other:
        foreign = json.loads(account(other))["private_key"]
    found = await refused(channel(http, inbox, credentials=account(inbox, private_key=foreign)))
    assert (found.outcome, "Invalid JWT Signature" in found.message) == (Outcome.HOLD, True)
    assert "key was deleted" in found.hint


@pytest.mark.parametrize(("answer", "outcome"), [(503, Outcome.RETRY), ("hang", Outcome.RETRY), (401, Outcome.HOLD)])
async def test_without_access_nothing_was_sent(http: HttpClient, inbox: HttpInbox, answer: Any, outcome: Outcome) -> None:
    inbox.script(fcm.TOKEN_FAULTS, answer)
    found = await refused(channel(http, inbox))
    assert (found.outcome, inbox.received()) == (outcome, [])


async def test_another_project_is_refused(http: HttpClient, inbox: HttpInbox) -> None:
    found = await refused(channel(http, inbox, project_id="somebody-elses"))
    assert (found.outcome, found.status) == (Outcome.HOLD, 403)


async def test_apple_s_refusal_does_not_ask_for_access_again(http: HttpClient, inbox: HttpInbox) -> None:
    found = await refused(channel(http, inbox, topic=fcm.BROKEN_TOPIC), fcm.BROKEN_TOPIC)
    assert (found.outcome, "THIRD_PARTY_AUTH_ERROR" in found.message) == (Outcome.PERMANENT, True)
