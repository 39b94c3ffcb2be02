"""A pattern matches whole segments only, and the four priority forms match by priority as well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.events.catalog import CATALOG, priority_of
from buildnet_cli.events.pattern import Pattern, is_event_type
from buildnet_cli.events.priority import Priority

TYPES = [
    "build",
    "build.failed",
    "build.failure_rate.critical",
    "cache.artifact.created",
    "custom.a.b.failed",
    "daemon.error",
    "resource.cpu.high",
    "resource.disk.low",
]

# Columns in the order of TYPES, each event at its default priority (unknown ones at medium): `x` matches, `.` does not.
MATCHES = {
    "*": "xxxxxxxx",
    "*.*": ".xxxxxxx",
    "build.*": ".xx.....",
    "build.failed": ".x......",
    "*.failed": ".x..x...",
    "cache.*.created": "...x....",
    "cache.artifact.*": "...x....",
    "custom.*.failed": "........",
    "custom.*.*.failed": "....x...",
    "*.a.*": "....x...",
    "*.critical": "..x..x.x",
    "*.high": ".xx...x.",
}


@pytest.mark.parametrize(("text", "expected"), MATCHES.items())
def test_a_pattern_matches_what_the_table_says(text: str, expected: str) -> None:
    pattern = Pattern.parse(text)
    found = ["x" if pattern.matches(name, priority_of(name, Priority.MEDIUM)) else "." for name in TYPES]
    assert "".join(found) == expected


@pytest.mark.parametrize("priority", Priority)
def test_the_four_forms_match_every_event_of_that_priority(priority: Priority) -> None:
    pattern = Pattern.parse(f"*.{priority}")
    assert pattern.priority is priority
    assert pattern.matches("cache.cleared", priority)
    assert not any(pattern.matches("cache.cleared", other) for other in Priority if other is not priority)


@pytest.mark.parametrize("text", ["build.critical", "critical", "*.*.critical", "*.critical.*", "build.*.critical", "critical.*"])
def test_no_other_form_matches_by_priority(text: str) -> None:
    pattern = Pattern.parse(text)
    assert pattern.priority is None
    assert not pattern.matches("cache.cleared", Priority.CRITICAL)


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "build.", ".failed", "build..failed", "fail*", "*fail", "b*d.failed", "build.fail*", "**", "build.**", "Build.*",
        "build failed", "build.failed\n", "build.[a-z]", "build.(failed|cached)", "!build.*", "-build", "build-.x", "ünit.*",
        "a" * 121, "*." * 60 + "*",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is no event pattern: use whole segments") as caught:
        Pattern.parse(text)
    assert len(str(caught.value)) < 300


SEGMENTS = st.sampled_from(["a", "b", "low", "critical"])
PARTS = st.lists(SEGMENTS | st.just("*"), min_size=1, max_size=5)


def naive_match(pattern: list[str], name: list[str], *, is_first: bool = True) -> bool:
    """The rule, word by word: an outer `*` takes one or more segments, an inner one exactly one."""
    if not pattern or not name:
        return not pattern and not name
    head, rest = pattern[0], pattern[1:]
    if head != "*":
        return head == name[0] and naive_match(rest, name[1:], is_first=False)
    longest = len(name) if is_first or not rest else 1
    return any(naive_match(rest, name[taken:], is_first=False) for taken in range(1, longest + 1))


@given(PARTS, st.lists(SEGMENTS, min_size=1, max_size=6), st.sampled_from(Priority))
def test_a_pattern_matches_as_the_rule_says(parts: list[str], name: list[str], priority: Priority) -> None:
    by_priority = len(parts) == 2 and parts[0] == "*" and parts[1] == priority
    expected = naive_match(parts, name) or by_priority
    assert Pattern.parse(".".join(parts)).matches(".".join(name), priority) is expected


@given(st.text() | st.text("ab.*-_A1", max_size=12))
def test_a_text_is_a_pattern_or_a_value_error_and_every_type_is_a_pattern(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        assert not is_event_type(text)
        return
    assert pattern.text == text
    assert is_event_type(text) is ("*" not in text)


@given(st.from_regex(r"[a-z0-9]{1,6}([._-][a-z0-9]{1,6}){0,4}", fullmatch=True))
def test_a_type_matches_itself_and_everything(name: str) -> None:
    assert is_event_type(name)
    assert Pattern.parse(name).matches(name, Priority.LOW)
    assert Pattern.parse("*").matches(name, Priority.LOW)


@pytest.mark.parametrize(
    "name", ["", "Build.failed", "build.*", "build failed", "build.failed\n", "_a", "a_", "a..b", "a" * 121, "é"]
)
def test_a_text_that_is_no_type_is_told_apart(name: str) -> None:
    assert not is_event_type(name)


@pytest.mark.parametrize(
    "text", [*CATALOG, "*", "*.failed", "build.*", "*.critical", "custom.*", "custom.deploy.done", "*.*.high"]
)
def test_a_pattern_that_means_something_known_or_ones_own_is_no_slip(text: str) -> None:
    assert Pattern.parse(text).can_match_known


@pytest.mark.parametrize("text", ["biuld.*", "build.faild", "*.exploded", "build.*.failed", "resource.high"])
def test_a_pattern_that_can_match_nothing_known_is_found(text: str) -> None:
    assert not Pattern.parse(text).can_match_known
