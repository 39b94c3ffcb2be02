"""What Firebase's and Google's answers mean, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildnet_cli.channels.push import answer
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON

RETRY, PERMANENT, HOLD = Outcome.RETRY, Outcome.PERMANENT, Outcome.HOLD


def reply(status: int, body: Any = None, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "fcm.googleapis.com", NOON)


def error(status: int, word: str, code: str = "", message: str = "because") -> dict[str, Any]:
    fcm = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}
    return {"error": {"code": status, "message": message, "status": word, "details": [fcm] if code else []}}


def refused(given: Answer) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        answer.sent(given, "builds")
    assert caught.value.__cause__ is None
    assert caught.value.status == given.status
    return caught.value


def test_what_was_taken_has_a_name() -> None:
    receipt = answer.sent(reply(200, {"name": "projects/p/messages/0:1500415314455276"}), "builds")
    assert (receipt.provider_id, receipt.detail) == ("0:1500415314455276", "taken for everybody on topic builds")


@pytest.mark.parametrize(
    ("status", "word", "code", "outcome", "hint"),
    [
        (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", PERMANENT, "topic's name"),
        (400, "INVALID_ARGUMENT", "", PERMANENT, ""),
        (404, "NOT_FOUND", "UNREGISTERED", Outcome.GONE, "remove it"),
        (404, "NOT_FOUND", "", HOLD, "project_id"),
        (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", PERMANENT, "another Firebase project"),
        (403, "PERMISSION_DENIED", "", HOLD, "Messaging API"),
        (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", PERMANENT, "APNs key"),
        (401, "UNAUTHENTICATED", "", HOLD, "credentials"),
        (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", RETRY, ""),
        (500, "INTERNAL", "INTERNAL", RETRY, ""),
        (503, "UNAVAILABLE", "UNAVAILABLE", RETRY, ""),
        (503, "SOMETHING", "SOMETHING_NEW", RETRY, ""),
        (409, "SOMETHING", "SOMETHING_NEW", PERMANENT, ""),
    ],
)
def test_every_error_has_its_meaning(status: int, word: str, code: str, outcome: Outcome, hint: str) -> None:
    found = refused(reply(status, error(status, word, code)))
    assert found.outcome is outcome
    assert found.message == f"FCM {code or word}: because"
    assert hint in found.hint
    assert bool(found.hint) is bool(hint)


@pytest.mark.parametrize(
    ("status", "headers", "delay"),
    [(429, {}, 60.0), (429, {"retry_after": "7"}, 7.0), (503, {"retry_after": "9"}, 9.0), (503, {}, None), (500, {}, None)],
)
def test_firebase_says_when_to_come_back(status: int, headers: dict[str, str], delay: float | None) -> None:
    for body in (error(status, "UNAVAILABLE", "UNAVAILABLE"), "no json"):
        assert refused(reply(status, body, **headers)).retry_after_secs == delay


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "", "[]", {"message": 1}])
def test_what_is_not_firebase_is_tried_again(body: Any) -> None:
    assert refused(reply(200, body)).outcome is RETRY


def test_a_field_at_fault_is_told() -> None:
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "message.android.ttl"}]}
    body = {"error": {"code": 400, "message": "Invalid duration at 'message.android.ttl'", "details": [violation]}}
    found = refused(reply(400, body))
    assert (found.outcome, found.hint) == (PERMANENT, "")
    assert "message.android.ttl" in found.message


def test_only_a_token_of_google_is_asked_for_anew() -> None:
    assert answer.is_token_refused(reply(401, error(401, "UNAUTHENTICATED")))
    assert answer.is_token_refused(reply(401, "no json"))
    assert not answer.is_token_refused(reply(401, error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")))
    assert not answer.is_token_refused(reply(403, error(403, "PERMISSION_DENIED")))


@pytest.mark.parametrize(
    ("status", "body", "outcome", "hint"),
    [
        (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, HOLD, "key was deleted"),
        (400, {"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived token"}, HOLD, "clock"),
        (400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}, HOLD, "another one"),
        (401, {"error": "invalid_client"}, HOLD, "firebase.credentials"),
        (400, "no json", HOLD, "firebase.credentials"),
        (404, "no such page", HOLD, "firebase.credentials"),
        (429, {"error": "rate"}, RETRY, ""),
        (503, "later", RETRY, ""),
        (200, {"token_type": "Bearer"}, RETRY, ""),
        (200, {"access_token": "two\nlines"}, RETRY, ""),
    ],
)
def test_without_access_everything_is_kept(status: int, body: Any, outcome: Outcome, hint: str) -> None:
    with pytest.raises(ChannelError) as caught:
        answer.granted(reply(status, body))
    assert (caught.value.outcome, hint in caught.value.hint) == (outcome, True)


@pytest.mark.parametrize(("lasts", "secs"), [(3599, 3599.0), (-1, 0.0), ("soon", 0.0), (None, 0.0), (True, 0.0)])
def test_access_lasts_as_long_as_it_says(lasts: Any, secs: float) -> None:
    assert answer.granted(reply(200, {"access_token": "ya29.x", "expires_in": lasts})) == ("ya29.x", secs)
