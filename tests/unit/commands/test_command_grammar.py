"""From what somebody typed to a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.commands import grammar
from buildnet_cli.commands.registry import ALIASES, commands
from buildnet_cli.errors import UsageError

NAMES = list(commands())


def parse(text: str) -> grammar.Parsed:
    return grammar.parse(text, NAMES, ALIASES)


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("BUILD api", "BUILD api"),
        ("build Api", "BUILD Api"),
        ("  Build   api ", "BUILD api"),
        ("/build api", "BUILD api"),
        ("!status", "STATUS"),
        ("[BUILDNET] BUILD api", "BUILD api"),
        ("buildnet status", "STATUS"),
        ("@buildnet_bot status", "STATUS"),
        ("cache stats", "CACHE STATS"),
        ("Cache  Clear now", "CACHE CLEAR now"),
        ("?", "HELP"),
        ("commands", "HELP"),
        ("halt", "STOP"),
        ("stop daemon", "STOP"),
        ("build /etc/passwd", "BUILD /etc/passwd"),
        ("build @file", "BUILD @file"),
        ("build $(id)", "BUILD $(id)"),
    ],
)
def test_a_command_is_understood(typed: str, understood: str) -> None:
    assert parse(typed).text == understood


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("STATSU", "did you mean STATUS? send HELP for the list"),
        ("BULD api", "did you mean BUILD api? send HELP for the list"),
        ("CACHE CLAER", "did you mean CACHE CLEAR? send HELP for the list"),
        ("CACHE CLEARX", "did you mean CACHE CLEAR? send HELP for the list"),
        ("CACHE", "did you mean CACHE CLEAR or CACHE STATS?"),
        ("xyzzy", "send HELP for the list"),
        ("", "send HELP for the list"),
        ("/", "send HELP for the list"),
    ],
)
def test_a_wrong_word_gets_the_nearest_command(typed: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(typed)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "typed", ["buıld api", "ſtop", "ＳＴＯＰ", "ЅTATUS", "stat\u200bus", "BUILD api\nSTOP", "STATUS\x00", "\u202eSTATUS"]
)
def test_a_look_alike_or_a_control_character_is_no_command(typed: str) -> None:
    with pytest.raises(UsageError):
        parse(typed)


def test_a_command_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 500 characters"):
        parse("BUILD " + "a" * 500)


@given(st.text(max_size=600))
def test_any_text_is_a_known_command_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except UsageError:
        return
    assert parsed.name in NAMES
    assert all(word in text for word in parsed.words)


@given(st.sampled_from(NAMES), st.lists(st.from_regex(r"[a-z0-9@][a-z0-9./-]{0,20}", fullmatch=True), max_size=3))
def test_the_canonical_form_reads_back_as_itself(name: str, words: list[str]) -> None:
    text = " ".join((name, *words))
    if text.upper().startswith("STOP DAEMON"):
        return
    parsed = parse(text)
    assert parse(parsed.text) == parsed
