"""The words of every family, against golden files, and what holds whatever a payload contains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.messages.model import Message, Tone
from buildnet_cli.messages.render import render
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event, rendered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *(
            "package",
            "error",
            "duration_ms",
            "failures",
            "passes_before",
            "failures_before",
            "red_secs",
            "queued_position",
            "skipped",
            "id",
        ),
        *("tier", "percent", "limit_percent", "used_mb", "for_secs", "full_in_secs", "uptime_secs", "size", "command"),
        *("principal", "channel", "host", "reason", "median_ms", "is_new_error", "exit_code"),
    ]
)


def as_text(message: Message) -> str:
    lines = [f"title:   {message.title}", f"line:    {message.line}", f"tone:    {message.tone}"]
    lines += [f"field:   {field.label} = {field.value}{'' if field.is_short else ' (long)'}" for field in message.fields]
    lines += [f"code:    {line}" for line in message.code.splitlines()]
    lines += [f"action:  {action}" for action in message.actions]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", SAMPLES)
def test_every_family_speaks_as_agreed(name: str) -> None:
    assert_golden(f"messages/{name}.txt", as_text(render(SAMPLES[name])))


@pytest.mark.parametrize("event_type", CATALOG)
def test_an_event_without_a_payload_says_what_the_catalogue_says(event_type: str) -> None:
    message = rendered(event_type, subject="api")
    assert message.title
    assert message.line == CATALOG[event_type].description
    assert message.fields == ()


@given(event_type=st.sampled_from([*CATALOG, "custom.x", "other"]), payload=st.dictionaries(KEYS, JSON, max_size=6))
def test_whatever_a_payload_holds_is_rendered_or_left_out(event_type: str, payload: dict[str, Any]) -> None:
    message = rendered(event_type, "", "api", **payload)
    texts = [message.title, message.line, *(field.label for field in message.fields), *(field.value for field in message.fields)]
    assert message.title.strip()
    assert message.line.strip()
    assert all(len(text) < 2000 for text in texts)
    assert all("\n" not in field.value for field in message.fields)
    assert not any(word in " ".join(texts) for word in ("nan%", "inf%", "None", "Traceback"))


@pytest.mark.parametrize("package", ["", "two words", "-rf", "api; STOP", "ünïcode", "a" * 300])
def test_no_command_is_offered_that_could_not_be_sent_back(package: str) -> None:
    assert rendered("build.failed", "", package).actions == ("HISTORY",)


@pytest.mark.parametrize("package", ["api", "@scope/web", "apps/shop.v2"])
def test_a_failed_package_can_be_built_again(package: str) -> None:
    assert rendered("build.failed", "", package).actions == (f"BUILD {package}", "HISTORY")


def test_only_a_real_build_id_can_be_cancelled() -> None:
    assert rendered("build.started", "", "api", id="7; STOP").actions == ()


def test_a_tail_keeps_its_last_lines_and_loses_its_colours() -> None:
    tail = "\n".join(f"\x1b[1;31mline {number}\x1b[0m \x1b]0;title\x07" for number in range(40))
    lines = rendered("build.failed", "", "api", error={"headline": "x", "tail": tail}).code.splitlines()
    assert [line.strip() for line in lines] == [f"line {number}" for number in range(28, 40)]


@pytest.mark.parametrize(
    ("event_type", "priority", "tone"),
    [
        ("build.failed", "high", Tone.PROBLEM),
        ("build.failed", "low", Tone.WARNING),
        ("build.completed", "medium", Tone.GOOD),
        ("build.queued", "low", Tone.NEUTRAL),
        ("resource.cpu.warning", "medium", Tone.WARNING),
        ("confirmation.locked", "high", Tone.WARNING),
        ("custom.deploy", "medium", Tone.NEUTRAL),
    ],
)
def test_the_tone_follows_the_incident_and_else_the_priority(event_type: str, priority: str, tone: Tone) -> None:
    assert render(event(event_type, priority=priority)).tone is tone


def test_a_trial_is_marked() -> None:
    assert render(event("custom.test"), is_test=True).headline.startswith("TEST")
    assert not render(event("custom.test")).headline.startswith("TEST")
