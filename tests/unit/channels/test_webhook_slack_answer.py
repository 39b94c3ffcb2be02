"""The words of Slack's incoming webhooks, row by row."""

from __future__ import annotations

import pytest

from buildnet_cli.channels.webhook.refusal import receipt_of
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON

RETRY, PERMANENT, GONE, HOLD = Outcome.RETRY, Outcome.PERMANENT, Outcome.GONE, Outcome.HOLD


def refused(status: int, text: str, form: str = "slack", **headers: str) -> ChannelError:
    given = Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "hooks.slack.com", NOON)
    with pytest.raises(ChannelError) as caught:
        receipt_of(given, form)
    return caught.value


@pytest.mark.parametrize(
    ("status", "word", "outcome", "hint"),
    [
        (400, "invalid_token", HOLD, "revoked"),
        (400, "invalid_payload", PERMANENT, "template"),
        (400, "invalid_blocks", PERMANENT, "template"),
        (400, "no_text", PERMANENT, "template"),
        (400, "too_many_attachments", PERMANENT, "100"),
        (403, "action_prohibited", HOLD, "administrators"),
        (403, "posting_to_general_channel_denied", HOLD, "administrators"),
        (404, "channel_not_found", GONE, "new webhook"),
        (404, "no_service", GONE, "new webhook"),
        (404, "no_team", GONE, "new webhook"),
        (404, "no_active_hooks", GONE, "new webhook"),
        (410, "channel_is_archived", GONE, "unarchive"),
        (429, "rate_limited", RETRY, ""),
        (500, "rollup_error", RETRY, ""),
    ],
)
def test_every_word_has_its_meaning(status: int, word: str, outcome: Outcome, hint: str) -> None:
    found = refused(status, f"{word}\n")
    assert (found.outcome, found.status, found.message) == (outcome, status, f"hooks.slack.com answered {status}: {word}")
    assert hint in found.hint
    assert bool(found.hint) is bool(hint)


def test_slack_says_when_to_come_back() -> None:
    assert refused(429, "rate_limited", retry_after="30").retry_after_secs == 30.0
    assert refused(404, "no_service", retry_after="30").retry_after_secs is None


def test_elsewhere_the_same_word_means_nothing() -> None:
    assert refused(400, "invalid_token", form="json").outcome is PERMANENT
    assert refused(404, "no_service", form="json").hint == ""
