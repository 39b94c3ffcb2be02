"""What a text message costs. The vectors are those of Twilio's own calculator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.messages import gsm7


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 10, 2),
        ("ê" + "a" * 69, 1),
        ("ê" + "a" * 70, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("✅" + "a" * 133, 2),
        ("✅" + "a" * 134, 3),
    ],
)
def test_segments_are_counted_as_the_carrier_does(text: str, count: int) -> None:
    assert gsm7.segments(text) == count


def test_a_pair_is_never_cut_in_two_between_segments() -> None:
    assert gsm7.segments("a" * 152 + "€" + "a" * 152) == 3
    assert gsm7.segments("é" * 152 + "€" + "a" * 151) == 2
    assert gsm7.segments("ê" * 66 + "😀" + "a" * 66) == 3


@pytest.mark.parametrize(("char", "inside"), [("é", True), ("Ç", True), ("\r", True), ("\n", True), ("€", True), ("@", True)])
def test_what_is_in_the_alphabet(char: str, inside: bool) -> None:
    assert gsm7.is_gsm7(char) is inside


@pytest.mark.parametrize("char", ["ç", "`", "\t", "\u00a0", "’", "ê", "✅", "😀"])
def test_what_is_not_in_the_alphabet(char: str) -> None:
    assert not gsm7.is_gsm7(char)


def test_brackets_and_braces_cost_two() -> None:
    assert gsm7.septets("[BUILDNET] {api}") == 20
    assert gsm7.septets("[]{}|^~\\€") == 18


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("TEST · api", "TEST - api"),
        ("STILL FAILING ×3", "STILL FAILING x3"),
        ("“it’s” – `x`…", "\"it's\" - 'x'..."),
        ("façade fête Łódź", "facade fete Lodz"),
        ("✅ ok 😀👍🏽", " ok "),
        ("a\tb\u00a0c\x1b\x00d", "a b cd"),
        ("é Ç ß Ä € [x]", "é Ç ß Ä € [x]"),
        ("½ ²", "1/2 2"),
        ("e\u0301 q\u0301", "é q"),
        ("сборка 失敗", "сборка 失敗"),
    ],
)
def test_a_text_is_said_in_the_alphabet_where_that_can_be_done(text: str, plain: str) -> None:
    assert gsm7.transliterate(text) == plain


@given(st.text(max_size=400))
def test_transliteration_is_done_once_and_for_all(text: str) -> None:
    plain = gsm7.transliterate(text)
    assert gsm7.transliterate(plain) == plain


@given(st.text(alphabet=st.sampled_from("aé€[😀✅ê "), max_size=900), st.integers(1, 10))
def test_what_is_within_the_capacity_fits(text: str, count: int) -> None:
    plain = gsm7.is_gsm7(text)
    if gsm7.size(text, gsm7=plain) <= gsm7.capacity(count, gsm7=plain):
        assert gsm7.segments(text) <= count
