"""The inbox page: what a person reads, and that nothing that arrives becomes part of the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.webhook import payload
from buildnet_cli.messages.render import render as render_message
from buildnet_cli.sandbox import page
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.reading import read
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


def received(body: Any, number: int = 1, *, name: str = "hook", answered: int = 200) -> Received:
    return Received(number, name, "POST", NOON, {"webhook-id": "dlv_1"}, body, answered, read(body))


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


def test_an_empty_inbox_says_how_to_fill_it() -> None:
    assert "/hooks/NAME" in page.render([])


@pytest.mark.parametrize("name", ["inbox.css", "inbox.js"])
def test_nothing_on_the_page_comes_from_elsewhere(name: str) -> None:
    assert "//" not in page.asset(name).replace("// ", "")
    assert "://" not in page.render([])
