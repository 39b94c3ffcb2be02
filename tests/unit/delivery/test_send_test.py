"""Test messages: whom a request means, and what each recipient's provider said."""

from __future__ import annotations

import pytest

from buildnet_cli.config.notifications import Notifications
from buildnet_cli.delivery.model import Receipt
from buildnet_cli.delivery.send_test import choose, send_test
from buildnet_cli.errors import ChannelError, NotFoundError, Outcome, UsageError
from tests.support.clocks import FakeClock
from tests.support.config_models import SMS, with_channels
from tests.support.deliveries import ScriptedChannel, an_event

LEAD = {"phone": "+14155550123", "name": "DevOps Lead"}
CI = {"name": "CI", "url": "https://ci.example.com/"}
SLACK = {"name": "Slack Webhook", "url": "https://hooks.slack.com/services/T/B/x"}


@pytest.fixture
def notifications() -> Notifications:
    return with_channels(sms={**SMS, "recipients": [LEAD]}, webhooks=[CI, SLACK]).notifications


@pytest.mark.parametrize(
    ("channels", "to", "expected"),
    [
        ([], None, ["sms:DevOps Lead", "webhook:CI", "webhook:Slack Webhook"]),
        (["webhook"], None, ["webhook:CI", "webhook:Slack Webhook"]),
        (["slack"], None, ["webhook:Slack Webhook"]),
        (["slack-webhook", "sms"], None, ["webhook:Slack Webhook", "sms:DevOps Lead"]),
        (["webhooks", "CI"], None, ["webhook:CI", "webhook:Slack Webhook"]),
        ([], "devops lead", ["sms:DevOps Lead"]),
        ([], "+14155550123", ["sms:DevOps Lead"]),
        (["webhook"], "ci", ["webhook:CI"]),
    ],
)
def test_words_mean_recipients_each_of_them_once(
    notifications: Notifications, channels: list[str], to: str | None, expected: list[str]
) -> None:
    assert [str(each) for each in choose(notifications, channels=channels, to=to)] == expected


def test_a_word_that_means_nobody_is_refused_with_the_nearest(notifications: Notifications) -> None:
    with pytest.raises(UsageError, match="'slak'") as unknown:
        choose(notifications, channels=["slak"])
    assert unknown.value.hint.startswith("configured: ")
    with pytest.raises(NotFoundError) as caught:
        choose(notifications, to="DevOps Leed")
    assert caught.value.hint == 'did you mean "DevOps Lead"?'


def test_where_nothing_is_configured_the_next_step_is_said() -> None:
    with pytest.raises(NotFoundError, match="no channel is configured"):
        choose(with_channels().notifications)


async def test_each_recipient_has_its_own_result_in_the_providers_words(notifications: Notifications) -> None:
    channel = ScriptedChannel()
    channel.fail("CI", ChannelError("ci.example.com answered 401", outcome=Outcome.HOLD, hint="check the token"))
    channel.receipts["Slack Webhook"] = Receipt(detail="HTTP 200")
    results = await send_test(choose(notifications), {"webhook": channel}, an_event(), FakeClock(), lambda message, _: message)
    assert [(each.recipient, each.result, each.detail, each.hint) for each in results] == [
        ("DevOps Lead", "unsupported", "sms cannot be sent by this version yet", ""),
        ("CI", "failed", "ci.example.com answered 401", "check the token"),
        ("Slack Webhook", "delivered", "HTTP 200", ""),
    ]
    assert [message.message.headline.startswith("TEST") for message in channel.tried] == [True, True]
