"""What a status means for the message, and how long a provider wants to be left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, json_object, quote, refuse_web_page, retry_after_secs
from tests.support.messages import NOON


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "api.example.com", NOON)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken(status: int) -> None:
    classify(answer(status))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Outcome.RETRY) for status in (408, 425, 429, 500, 501, 502, 503, 504, 524, 599)),
        *((status, Outcome.HOLD) for status in (401, 403)),
        (410, Outcome.GONE),
        *((status, Outcome.PERMANENT) for status in (400, 402, 404, 405, 409, 413, 415, 422, 451)),
        *((status, Outcome.PERMANENT) for status in (300, 301, 302, 303, 304, 307, 308)),
    ],
)
def test_any_other_status_says_what_becomes_of_the_message(status: int, outcome: Outcome) -> None:
    with pytest.raises(ChannelError) as caught:
        classify(answer(status, "because", location="https://elsewhere.example/secret"))
    assert (caught.value.outcome, caught.value.status) == (outcome, status)
    assert caught.value.message.startswith(f"api.example.com answered {status}")
    assert "elsewhere" not in caught.value.message


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199])
def test_what_is_no_final_status_says_nothing(status: int) -> None:
    with pytest.raises(ChannelError) as caught:
        classify(answer(status))
    assert caught.value.outcome is Outcome.UNKNOWN


def test_a_success_that_breaks_off_is_none_and_a_refusal_is_one() -> None:
    for status, outcome in ((200, Outcome.UNKNOWN), (503, Outcome.RETRY), (400, Outcome.PERMANENT)):
        with pytest.raises(ChannelError) as caught:
            classify(replace(answer(status), is_whole=False))
        assert caught.value.outcome is outcome


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ('{"retry_after": 30}', {}, 30.0),
        ('{"ok": false, "parameters": {"retry_after": 17}}', {}, 17.0),
        ('{"retry_after": 1e400}', {}, 86400.0),
        ('{"retry_after": 5}', {"retry_after": "60"}, 60.0),
        ('{"retry_after": 5}', {"retry_after": "soon"}, 5.0),
        ("", {"x_ratelimit_reset_after": "12.5"}, 12.5),
        *(
            (body, {}, None)
            for body in ('{"retry_after": true}', '{"retry_after": -1}', '{"retry_after": "5"}', "[30]", "[" * 9999)
        ),
        ('{"parameters": []}', {}, None),
        ('{"retry_after": NaN}', {}, None),
    ],
)
def test_a_delay_is_found_in_every_dialect(body: str, headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_secs(answer(429, body, **headers)) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 1.0),
        ("7", 7.0),
        ("0.35", 1.0),
        ("2.5", 2.5),
        ("999999999", 86400.0),
        ("99999999999", 86400.0),
        ("Fri, 26 Jan 2024 12:00:30 GMT", 30.0),
        ("Friday, 26-Jan-24 12:00:30 GMT", 30.0),
        ("Fri Jan 26 12:00:30 2024", 30.0),
        ("Fri, 26 Jan 2024 11:00:00 GMT", 1.0),
        ("Fri, 26 Jan 2034 12:00:00 GMT", 86400.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_read_in_every_form_and_clamped(header: str, expected: float | None) -> None:
    with pytest.raises(ChannelError) as caught:
        classify(answer(429, retry_after=header))
    assert caught.value.retry_after_secs == expected


@given(st.text())
def test_no_retry_after_is_beyond_reason(header: str) -> None:
    delay = retry_after_secs(answer(503, retry_after=header))
    assert delay is None or 1 <= delay <= 86400


def test_an_answer_is_quoted_in_one_short_line_without_secrets() -> None:
    redact.register("hunter2-hunter2")
    said = quote("no\r\n\x1b[31mgood:\x00 hunter2-hunter2 \u202e" + "x" * 10_000)
    assert said.startswith("no [31mgood: *** xxx")
    assert len(said) == 200
    assert said.isprintable()


def test_headers_and_body_do_not_show_in_a_repr() -> None:
    assert "SECRET" not in repr(answer(200, "SECRET", set_cookie="SECRET"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [('{"ok": true}', {"ok": True}), ("[1]", {}), ('"x"', {}), ("", {}), ('{"ok": tr', {}), ("[" * 60_000, {})],
)
def test_an_answer_is_an_object_or_nothing(text: str, expected: dict[str, object]) -> None:
    assert json_object(answer(200, text)) == expected


@pytest.mark.parametrize(
    ("text", "kind"), [("sign in", "text/html; charset=utf-8"), ("\n <!doctype html>", "text/plain"), ("<x/>", "")]
)
def test_a_page_in_the_place_of_an_api_is_tried_again(text: str, kind: str) -> None:
    with pytest.raises(ChannelError, match="web page") as caught:
        refuse_web_page(answer(200, text, content_type=kind))
    assert caught.value.outcome is Outcome.RETRY


@pytest.mark.parametrize("text", ['{"ok": true}', "ok", "", "1 < 2"])
def test_what_is_no_page_passes(text: str) -> None:
    refuse_web_page(answer(200, text, content_type="application/json"))


def test_no_secret_is_cut_in_two_and_shown_by_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_shared", redact.Redactor())
    redact.register("a-long-secret-of-36-characters-here-")
    assert "secret" not in quote("a-long-secret-of-36-characters-here-" * 100)
