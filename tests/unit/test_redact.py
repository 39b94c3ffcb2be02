"""A registered secret is seen nowhere, in none of the forms it travels in; everything else stays as it was."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.redact import MASK, Redactor, scrub, scrub_json

NO_SURROGATES = st.characters(exclude_categories=["Cs"])
SECRETS = st.text(NO_SURROGATES, min_size=4, max_size=40) | st.text('ab*+/\\"& %é', min_size=4, max_size=12)
AROUND = st.text(NO_SURROGATES, max_size=20)


@pytest.fixture(autouse=True)
def _know_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_shared", Redactor())


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    for secret in secrets:
        made.register(secret)
    return made


@given(st.lists(SECRETS, min_size=1, max_size=4), st.data())
def test_no_secret_survives_and_scrubbing_twice_is_scrubbing_once(secrets: list[str], data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from(secrets) | AROUND | st.sampled_from(["://", "/bot1:", "@", "*"]), max_size=12))
    made = redactor(*secrets)
    scrubbed = made.scrub("".join(parts))
    assert not any(secret in scrubbed for secret in secrets)
    assert made.scrub(scrubbed) == scrubbed


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "percent": lambda secret: quote(secret, safe=""),
    "percent, slashes kept": quote,
    "percent, as a query keeps it": lambda secret: quote(secret, safe="!$'()*,;:@/?"),
    "percent, lower case": lambda secret: re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
    "form": quote_plus,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON with all of Unicode": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "HTML": html.escape,
}


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS, before=AROUND, after=AROUND)
@example(secret='it\'s "a\\b"\n/é+ü𝄞 &c', before="", after="")
def test_no_secret_survives_in_another_spelling(form: str, secret: str, before: str, after: str) -> None:
    written = FORMS[form](secret)
    assert written not in redactor(secret).scrub(before + written + after)


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7), is_url_safe=st.booleans())
def test_no_secret_survives_inside_base64_at_any_alignment(secret: str, before: bytes, after: bytes, is_url_safe: bool) -> None:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    raw = secret.encode()
    written = encode(before + raw + after).decode()
    start, end = -(-len(before) * 8 // 6), (len(before) + len(raw)) * 8 // 6
    assert written[start:end] not in redactor(secret).scrub(written)


@given(st.text(NO_SURROGATES.filter(lambda character: character != "/")))
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert redactor("a-secret-of-mine").scrub(text) == text


def test_the_text_around_a_secret_stays() -> None:
    assert redactor("hunter2").scrub("password=hunter2&user=me") == "password=***&user=me"


def test_a_secret_that_begins_like_another_leaves_no_tail() -> None:
    for secrets in (("hunter2", "hunter2-and-more"), ("hunter2-and-more", "hunter2")):
        assert redactor(*secrets).scrub("x hunter2-and-more hunter2 x") == "x *** *** x"


def test_a_secret_that_is_the_base64_of_another_has_its_own_forms_too() -> None:
    inner = base64.b64encode(b"hunter2").decode()
    outer = base64.b64encode(inner.encode()).decode()
    assert outer[:8] not in redactor("hunter2", inner.rstrip("="), inner).scrub(outer)


@pytest.mark.parametrize("short", ["", "a", "abc"])
def test_a_value_too_short_to_tell_from_a_word_is_not_masked(short: str) -> None:
    assert redactor(short).scrub("abc a b c") == "abc a b c"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("https://hooks.slack.com/services/T0/B0/XXXX", "https://hooks.slack.com/services/***"),
        ("https://hooks.slack.com/commands/T0/1/abc ok", "https://hooks.slack.com/commands/*** ok"),
        (
            '{"url": "https://hooks.slack.com/services/T0/B0/X", "n": 1}',
            '{"url": "https://hooks.slack.com/services/***", "n": 1}',
        ),
        ("https://discord.com/api/webhooks/123/abc-DEF?wait=true", "https://discord.com/api/webhooks/123/***?wait=true"),
        (
            "https://discordapp.com/api/v10/webhooks/123/abc/messages/5",
            "https://discordapp.com/api/v10/webhooks/123/***/messages/5",
        ),
        ("https://discord.com/api/v10/interactions/1/aW5/callback", "https://discord.com/api/v10/interactions/1/***/callback"),
        ("POST https://api.telegram.org/bot123:AAE_x-y/sendMessage", "POST https://api.telegram.org/bot123:***/sendMessage"),
        (
            "https://api.telegram.org/bot123%3AAAE/getUpdates?offset=1",
            "https://api.telegram.org/bot123%3A***/getUpdates?offset=1",
        ),
        ("https://api.telegram.org/bot123:AAE/deleteWebhook", "https://api.telegram.org/bot123:***/deleteWebhook"),
        ("smtp://me:hunter2@mail.example.com:587/x", "smtp://me:***@mail.example.com:587/x"),
        ("http://me:p@ss:w@host/", "http://me:***@host/"),
        ("redis://:hunter2@localhost:6379/0", "redis://:***@localhost:6379/0"),
        ("https://hooks.slack.com/services/" + "x" * 5000, "https://hooks.slack.com/services/***"),
    ],
)
def test_a_url_that_is_a_credential_is_masked_without_being_registered(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed
    assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "Agent started · http://127.0.0.1:9876 · channels: slack ok",
        "http://127.0.0.1:9876/api/status?since=1 by me@example.com",
        "https://example.com/robots/123",
        "ssh://git@github.com:22/x/y",
        "src/main.py:12:5: error @decorator",
        "see /etc/bot: nothing",
    ],
)
def test_a_url_that_is_none_stays_as_it_is(text: str) -> None:
    assert scrub(text) == text


def test_what_is_registered_is_scrubbed_everywhere_in_the_program() -> None:
    redact.register("hunter2")
    assert scrub("is it hunter2?") == "is it ***?"


def test_every_text_of_a_json_value_is_scrubbed_and_its_shape_stays() -> None:
    redact.register("hunter2")
    redact.register("483920")
    value = {"a": ["hunter2", {"hunter2": ("x hunter2", 1.5, None, True)}], "code": 483920, "port": 9876}
    assert scrub_json(value) == {"a": [MASK, {MASK: ["x ***", 1.5, None, True]}], "code": MASK, "port": 9876}


def test_a_thing_that_json_does_not_have_becomes_its_scrubbed_text() -> None:
    redact.register("hunter2")
    assert scrub_json(ValueError("hunter2 is wrong")) == "*** is wrong"


HOSTILE = {
    "many slashes": "/",
    "beginnings of URLs": "://",
    "user without end": "://a:",
    "beginnings of bots": "/bot1:",
    "digits of a bot": "1",
    "discord": "discord.com/api/webhooks/1/",
    "slack": "hooks.slack.com/services/",
    "at signs": "@:",
    "backslashes": "\\",
    "nearly the secret": "hunter hunter2\\ ",
    "log lines": '{"time": "2024-01-26T12:00:00Z", "message": "GET http://127.0.0.1:9876/x"}\n',
}


def seconds_to_scrub(made: Redactor, text: str) -> float:
    """Processor time, the best of three."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        made.scrub(text)
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    made = redactor("hunter2\\\\\\\\\\\\X", "another-secret", "p@ss w/rd", "\\" * 24)
    small, large = (seconds_to_scrub(made, "://" + unit * (size // len(unit))) for size in (64_000, 1_024_000))
    # 16 times the text: linear is 16, quadratic is 256. The constant keeps timer noise out of a ratio of tiny numbers.
    assert large < 64 * small + 0.05


def test_a_run_of_backslashes_is_not_tried_in_every_combination() -> None:
    made = redactor("\\" * 24 + "X")
    plain = seconds_to_scrub(made, ("X" + "a" * 30) * 20)
    assert seconds_to_scrub(made, ("X" + "\\" * 30) * 20) < 100 * plain + 0.05


def test_google_s_access_tokens_are_masked_unregistered() -> None:
    assert scrub("Bearer ya29.a0AfH6SMBx-y_z.w refused") == f"Bearer ya29.{MASK} refused"
    assert scrub("papaya29.95 a kilo") == "papaya29.95 a kilo"
