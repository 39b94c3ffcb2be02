"""Telegram's HTML, read as its server reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.sandbox.telegram_markup import MarkupError, parse_html, part


@pytest.mark.parametrize(
    ("source", "text", "kinds"),
    [
        ("plain", "plain", []),
        ("<b>a</b> <i>b</i>", "a b", ["bold", "italic"]),
        ("<b>a <i>b</i></b>", "a b", ["bold", "italic"]),
        ("<pre>a\n b</pre>", "a\n b", ["pre"]),
        ('<a href="https://x.example/?a=1&amp;b=2">x</a>', "x", ["text_link"]),
        ("&lt;b&gt; &amp;amp; &quot;", '<b> &amp; "', []),
        ("&nbsp; &apos; &copy;", "&nbsp; &apos; &copy;", []),
        ("&#64;&#x1F600;", "@😀", []),
        ("a & b &", "a & b &", []),
        ("<b></b>x", "x", []),
        ("a > b", "a > b", []),
    ],
)
def test_tags_become_entities_and_the_rest_is_text(source: str, text: str, kinds: list[str]) -> None:
    found = parse_html(source)
    assert found.text == text
    assert [entity["type"] for entity in found.entities] == kinds


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a <x>b</x>", 'Unsupported start tag "x" at byte offset 2'),
        ("é < b>", 'Unsupported start tag "" at byte offset 3'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a <b", "Unclosed start tag at byte offset 2"),
    ],
)
def test_what_telegram_cannot_read_is_refused_in_its_words(source: str, said: str) -> None:
    with pytest.raises(MarkupError) as caught:
        parse_html(source)
    assert str(caught.value) == said


def test_offsets_count_utf16_units() -> None:
    found = parse_html("😀 <b>é😀</b>")
    (entity,) = found.entities
    assert (entity["offset"], entity["length"], found.units) == (3, 3, 6)
    assert part(found, entity) == "é😀"


@given(st.text(alphabet=st.sampled_from('<>/b i"&;#a1é😀=pre'), max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        found = parse_html(source)
    except MarkupError:
        return
    assert all(entity["offset"] + entity["length"] <= found.units for entity in found.entities)
