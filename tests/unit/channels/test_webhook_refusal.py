"""The dialects of Slack and Discord."""

from __future__ import annotations

import pytest

from buildnet_cli.channels.webhook.refusal import receipt_of
from buildnet_cli.delivery.model import Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "hooks.example", NOON)


@pytest.mark.parametrize(
    ("form", "given", "provider_id"),
    [
        ("json", answer(200, "<html>fine</html>", content_type="text/html"), ""),
        ("json", answer(204), ""),
        ("slack", answer(200, "ok"), ""),
        ("slack", answer(200, '{"success":true}'), ""),
        ("slack", answer(200, '{"ok":true}'), ""),
        ("json", answer(200, '{"ok": false, "error": "our own words"}'), ""),
        ("discord", answer(200, '{"id": "1199", "type": 0}'), "1199"),
        ("discord", answer(204), ""),
        ("discord", answer(200, '["id"]'), ""),
        ("discord", answer(200, '{"id": "../../evil"}'), ""),
        ("discord", answer(200, "[" * 60_000), ""),
    ],
)
def test_a_message_that_was_taken_gives_a_receipt(form: str, given: Answer, provider_id: str) -> None:
    assert receipt_of(given, form) == Receipt(provider_id, f"HTTP {given.status}")


@pytest.mark.parametrize(
    ("form", "given", "outcome"),
    [
        ("slack", answer(400, "invalid_token"), Outcome.HOLD),
        ("slack", answer(403, "action_prohibited"), Outcome.HOLD),
        ("slack", answer(400, "invalid_payload"), Outcome.PERMANENT),
        ("slack", answer(404, "no_service"), Outcome.GONE),
        ("slack", answer(410, "channel_is_archived"), Outcome.GONE),
        ("slack", answer(500, "rollup_error"), Outcome.RETRY),
        ("slack", answer(200, "<!doctype html>sign in to the network"), Outcome.RETRY),
        ("slack", answer(200, '{"ok": false, "error": "channel_not_found"}'), Outcome.PERMANENT),
        ("slack", answer(200, '{"ok": false, "error": "token_revoked"}'), Outcome.HOLD),
        ("slack", answer(200, '{"ok": false, "error": "ratelimited"}', retry_after="9"), Outcome.RETRY),
        ("slack", answer(200, '{"ok": false, "error": ["no text"]}'), Outcome.UNKNOWN),
        ("discord", answer(200, "please sign in", content_type="text/html; charset=utf-8"), Outcome.RETRY),
        ("discord", answer(404, '{"message": "Unknown Webhook", "code": 10015}'), Outcome.GONE),
        ("discord", answer(401, '{"message": "Invalid Webhook Token", "code": 50027}'), Outcome.HOLD),
        ("json", answer(400, "invalid_token"), Outcome.PERMANENT),
    ],
)
def test_a_refusal_says_what_becomes_of_the_message(form: str, given: Answer, outcome: Outcome) -> None:
    with pytest.raises(ChannelError) as caught:
        receipt_of(given, form)
    assert caught.value.outcome is outcome
    assert caught.value.status == given.status
