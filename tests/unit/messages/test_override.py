"""The operator's own words: which template is for which event and channel, and what it may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.errors import ConfigError
from buildnet_cli.messages.override import Overrides
from buildnet_cli.messages.render import render
from buildnet_cli.messages.template import TextTemplate
from tests.support.messages import SAMPLES, event, rendered

FAILED = render(SAMPLES["build.failed-first"])


def overrides(**templates: str) -> Overrides:
    """Names are written with `__` for a dot and `_in_` after the channel."""
    return Overrides({name.replace("_in_", "/").replace("__", "."): TextTemplate.parse(text) for name, text in templates.items()})


def test_the_first_line_is_the_title_and_the_rest_the_sentence() -> None:
    reworded = overrides(build__failed="\n{{ event.subject | upper }} is red\n{{ message.line }}\nask Dana\n").reword(
        FAILED, "sms"
    )
    assert reworded.title == "API is red"
    assert reworded.line == f"{FAILED.line}\nask Dana"
    assert (reworded.fields, reworded.code, reworded.actions, reworded.event) == (
        FAILED.fields,
        FAILED.code,
        FAILED.actions,
        FAILED.event,
    )


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (["build", "build__failed", "slack_in_build", "slack_in_build__failed"], "slack_in_build__failed"),
        (["build", "build__failed", "slack_in_build"], "slack_in_build"),
        (["build", "build__failed", "sms_in_build__failed"], "build__failed"),
        (["build", "build__completed", "resource"], "build"),
    ],
)
def test_the_nearest_name_wins_and_a_channel_s_own_before_all(names: list[str], used: str) -> None:
    reworded = overrides(**{name: f"this is {name}" for name in names}).reword(FAILED, "slack")
    assert reworded.title == f"this is {used}"


def test_what_no_template_is_for_stays_as_it_is() -> None:
    assert overrides(build__completed="x", resource="y").reword(FAILED, "slack") is FAILED
    assert Overrides({}).reword(FAILED, "slack") is FAILED


@pytest.mark.parametrize("source", ["{{ event.payload.gone }}", "{{ event.subject | round }}", "{# silent #}"])
def test_a_template_that_fails_is_named(source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overrides(build__failed=source).reword(FAILED, "slack")
    assert caught.value.where == "build.failed"
    assert caught.value.message


@given(st.text(), st.text())
def test_no_text_of_an_event_can_act_in_a_template(message: str, subject: str) -> None:
    given_ = rendered("custom.note", message, subject)
    reworded = overrides(custom="note\n<{{ event.message }}>").reword(given_, "slack")
    assert reworded.line == f"<{given_.event.message}>".strip()
    assert reworded.title == "note"


def test_a_test_message_stays_marked_as_one() -> None:
    test = render(event("build.failed", "hello", "api"), is_test=True)
    assert overrides(build="red").reword(test, "slack").headline == "TEST · red"
