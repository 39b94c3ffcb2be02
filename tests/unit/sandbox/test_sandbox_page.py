"""The inbox page: what a person reads, and that nothing that arrives becomes part of the page."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.webhook import payload
from buildnet_cli.messages.render import render as render_message
from buildnet_cli.messages.render import updated
from buildnet_cli.sandbox import page
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.reading import Reading, read
from tests.support.messages import NOON, SAMPLES, event

KEYS = st.sampled_from(["text", "type", "blocks", "embeds", "fields", "payload", "elements", "title", "footer"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


class Elements(HTMLParser):
    """Counts elements, and collects what is text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def received(body: Any, number: int = 1, *, name: str = "hook", answered: int = 200, **fields: Any) -> Received:
    return Received(number, name, "POST", NOON, {"webhook-id": "dlv_1"}, body, answered, read(body), **fields)


@pytest.mark.parametrize("form", ["slack", "discord"])
def test_a_state_that_is_over_is_read_back_as_struck_through(form: str) -> None:
    first, latest = (render_message(SAMPLES[name]) for name in ("build.failed-first", "build.completed-fixed"))
    reading = read(json.loads(payload.built_in(updated(first, latest), form)))
    assert (reading.title, reading.was, reading.line) == (latest.title, first.title, first.line)


@pytest.mark.parametrize("form", ["json", "slack", "discord"])
def test_each_form_is_read_back_as_it_was_meant(form: str) -> None:
    message = render_message(SAMPLES["build.failed-first"])
    reading = read(json.loads(payload.built_in(message, form)))
    assert reading.form == form
    if form == "json":
        assert reading.title == "build.failed · api"
        assert ("tier", "FullBuild") in reading.fields
    else:
        assert (reading.title, reading.line, reading.code) == (message.title, message.line, message.code)
        assert ("Duration", "8.2s (median 7.1s)") in reading.fields


@pytest.mark.parametrize("form", ["slack", "discord"])
def test_what_was_escaped_for_a_provider_reads_plainly(form: str) -> None:
    message = render_message(event("custom.x", "a <b> & [c](d) *e* _f_", "shop", note="<!channel> & `x`"))
    reading = read(json.loads(payload.built_in(message, form)))
    assert reading.line == "a <b> & [c](d) *e* _f_"
    assert reading.fields == (("Note", "<!channel> & `x`"),)


@settings(max_examples=200)
@given(JSON)
def test_any_body_can_be_shown_and_stays_text(body: Any) -> None:
    plain = Elements(page.render([received("x")])).tags
    shown = Elements(page.render([received(body, name="<script>")]))
    assert "script" not in shown.tags[shown.tags.index("main") :]
    assert set(shown.tags) <= set(plain) | {"p", "dl", "div", "dt", "dd", "pre"}


def test_the_page_shows_the_newest_first_by_recipient_and_what_was_refused() -> None:
    messages = [
        received({"text": "first\nline"}, 1, name="ops"),
        received({"text": "second"}, 2, name="dev"),
        received({"text": "third"}, 3, name="ops", answered=503),
        received({"text": "fourth"}, 4, name="ops", answered=0),
    ]
    text = Elements(page.render(messages)).text
    places = [text.index(word) for word in ("ops", "fourth", "third", "first", "dev", "second")]
    assert places == sorted(places)
    assert "answered 503" in text
    assert "left hanging" in text


def test_telephone_mail_chats_and_webhooks_stand_side_by_side() -> None:
    providers = {"webhook": "deploys", "slack": "#builds", "twilio": "+14155550123", "ses": "dana@example.com", "fcm": "builds"}
    messages = [
        received({"text": provider}, number, name=name, provider=provider)
        for number, (provider, name) in enumerate(providers.items(), start=1)
    ]
    text = Elements(page.render(messages)).text
    order = ["Telephone", "fcm", "+14155550123", "Mail", "dana@example.com", "Chats", "#builds", "Webhooks", "deploys"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)


def test_a_message_that_was_changed_stands_where_it_stood_and_reads_as_it_does_now() -> None:
    fixed = Reading("slack", "api FIXED", was="api FAILED")
    messages = [
        received({"text": "api FAILED"}, 1, provider="slack"),
        received({"text": "it is better"}, 2, provider="slack", thread=1),
        replace(received({"text": "x"}, 3, provider="slack", replaces=1), reading=fixed),
        received({"text": "refused"}, 4, provider="slack", replaces=1, answered=500),
    ]
    text = page.render(messages)
    assert "<h4>api FIXED <del>api FAILED</del></h4>" in text
    assert text.index("api FIXED") < text.index("it is better")
    assert text.count("<article") == 2
    assert "refused" not in text


@pytest.mark.parametrize(
    ("title", "tone"),
    [
        ("api FAILED (1st after 14 ok)", "problem"),
        ("api FIXED after 3 failures", "good"),
        ("api ok 8.2s", "good"),
        ("ci-01 disk normal", "good"),
        ("resource.disk.low", "problem"),
        ("api CANCELLED", "warning"),
        ("hello", "neutral"),
    ],
)
def test_a_message_has_the_colour_of_what_its_title_says(title: str, tone: str) -> None:
    assert f'<article class="{tone}">' in page.render([received({"text": title})])


def test_an_empty_inbox_says_how_to_fill_it() -> None:
    assert "/hooks/NAME" in page.render([])


@pytest.mark.parametrize("name", ["inbox.css", "inbox.js"])
def test_nothing_on_the_page_comes_from_elsewhere(name: str) -> None:
    assert "//" not in page.asset(name).replace("// ", "")
    assert "://" not in page.render([])
