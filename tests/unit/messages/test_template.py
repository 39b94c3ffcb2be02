"""Templates: what they may do, what they may not, and that no message breaks a JSON document."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.errors import ConfigError
from buildnet_cli.messages.render import render
from buildnet_cli.messages.template import MAX_SOURCE, JsonTemplate, TextTemplate
from tests.support.messages import event, rendered

FROM_THE_SPECIFICATION = """\
{
  "text": "{{event.type}}: {{event.message}}",
  "attachments": [...]
}
"""

MESSAGE = rendered(
    "build.failed",
    'say "hi"\nto <all>',
    "api",
    count=3,
    items=[1, 2, 3],
    many=list(range(3000)),
    long='"' * 2000,
    nested={"a": {"b": 1}},
)


def fill(source: str) -> str:
    return TextTemplate.parse(source).render(MESSAGE)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{event.type}}: {{ event.message }}", 'build.failed: say "hi"\nto <all>'),
        ("{{ event.subject | upper }} {{ event['priority'] }}", "API high"),
        ("{{ message.title }}", "api FAILED"),
        ("{% for x in event.payload.items %}{{ x }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3"),
        ("{% for name, value in event.payload.nested|items %}{{ name }}={{ value }}{% endfor %}", 'a={"b": 1}'),
        ("{{ event.payload.items | join('-') }} {{ event.payload.count * 2 + 1 }}", "1-2-3 7"),
        ("{{ event.payload.gone | default('none') }} {{ event.payload.gone.deeper | d('none') }}", "none none"),
        ("{% if event.payload.gone is defined %}a{% elif event.payload.count >= 3 %}b{% endif %}", "b"),
        ("{{ event.id[:3] ~ '/' ~ event.payload.count }}", "evt/3"),
        ("{{ event.message | truncate(6) }} {{ event.message | replace('hi', 'ho') | length }}", 'say "… 17'),
        ("{{ event.payload.nested | tojson }} {{ none }}", '{"a": {"b": 1}} '),
        ("{% raw %}{{ as it is }}{% endraw %}{# nothing #}", "{{ as it is }}"),
        ("{{ '7' | int + 1 }} {{ 'x' | int }} {{ 2.345 | round(1) }}", "8 0 2.3"),
    ],
)
def test_a_template_prints_branches_and_loops(source: str, expected: str) -> None:
    assert fill(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(10) }}",
        "{% for x in range(10**9) %}x{% endfor %}",
        "{{ event.message.upper() }}",
        "{{ lipsum(1000) }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'other' %}",
        "{% import 'other' as o %}",
        "{% extends 'other' %}",
        "{% block b %}{% endblock %}",
        "{% with x = 1 %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ {'a': 1} }}",
        "{{ event.type | attr('__class__') }}",
        "{{ event.type | center(1000000000) }}",
        "{{ event.type",
        "{% for %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "x" * (MAX_SOURCE + 1),
    ],
    ids=lambda source: source[:24],
)
def test_what_a_template_may_not_do_is_refused_before_it_runs(source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextTemplate.parse(source)
    assert "template" in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ event['nope'] }}",
        "{{ event.message.format }}",
        "{{ event.payload.nope | upper }}",
        "{{ event.payload.nope * 2 }}",
        "{{ 'x' if event.payload.nope }}",
    ],
)
def test_a_value_that_is_not_there_is_an_error_that_lists_what_is(source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fill(source)
    assert "event.payload" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ event.nope }}", 'event has no "nope"; it has id, type, priority'),
        ("{{ 'x' if message.nope }}", 'message has no "nope"; it has title, line'),
        ("{{ nope }}", 'there is no "nope", only event and message'),
        ("{{ env.SLACK_BOT_TOKEN }}", 'there is no "env"'),
        ("{{ lipsum(n=100000) }}", 'there is no "lipsum"'),
        ("{{ self.__init__ }}", 'there is no "self"'),
        ("{{ event.__class__ }}", 'event has no "__class__"'),
        ("{{ ''.__class__.__mro__ }}", 'a value has no "__class__"'),
        ("{{ 'a' * 1000000000 }}", "works on ordinary numbers only"),
        ("{{ [1] * 1000000000 }}", "works on ordinary numbers only"),
        ("{{ '%999999999d' % 1 }}", "works on ordinary numbers only"),
        ("{{ 999999999999999999 * 2 }}", "works on ordinary numbers only"),
        ("{{ event.message * 1000000000 }}", "works on ordinary numbers only"),
        (" \n", "the template is empty"),
        ("x" * (MAX_SOURCE + 1), "64 KiB"),
    ],
    ids=lambda text: text[:30],
)
def test_what_can_never_work_is_found_before_anything_is_sent(source: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextTemplate.parse(source)
    assert complaint in caught.value.message


def test_names_of_a_loop_are_known_in_it() -> None:
    assert fill("{% for x, y in event.payload.nested|items %}{{ x }}{{ y.b }}{{ loop.index }}{% endfor %}") == "a11"
    assert fill("{% for event in message.actions %}{{ event }}{% endfor %}") == "BUILD apiHISTORY"


@pytest.mark.parametrize(
    "source",
    [
        "{{ event.payload.long | replace('', event.payload.long) }}",
        "{{ event.payload.many | join(event.payload.long) }}",
        "{{ event.payload.long" + " | tojson" * 60 + " }}",
        "{{ event.payload.long" + " ~ event.payload.long" * 3000 + " }}",
        "{% for a in event.payload.many %}{% for b in event.payload.many %}{% endfor %}{% endfor %}",
        "{% for a in event.payload.many %}{{ event.payload.long }}{% endfor %}",
        "{% for a in event.payload.many %}" + "{% if event.type == event.id %}{% endif %}" * 1400 + "{% endfor %}",
        "{% for a in event.payload.many if " + " or ".join(["a == event.id"] * 50) + " %}{% endfor %}",
        "{{ event.payload.many + event.payload.many }}",
        "{{ 1 / 0 }}",
        "{{ -event.type }}",
        "{{ event.payload.count < event.type }}",
        "{{ event.payload.count | length }}",
        "{% for x in event.payload.count %}{% endfor %}",
    ],
    ids=lambda source: source[:40],
)
def test_whatever_a_template_does_it_ends_soon_and_says_why(source: str) -> None:
    template = TextTemplate.parse(source)
    started = time.perf_counter()
    with pytest.raises(ConfigError, match="template failed"):
        template.render(MESSAGE)
    assert time.perf_counter() - started < 5


def test_a_template_can_be_rendered_again_and_again() -> None:
    template = TextTemplate.parse("{% for x in event.payload.many %}{{ event.payload.count }}{% endfor %}")
    assert {template.render(MESSAGE) for _ in range(100)} == {"3" * 3000}


def test_the_sample_of_the_specification_is_read_with_a_warning() -> None:
    template = JsonTemplate.parse(FROM_THE_SPECIFICATION)
    assert json.loads(template.render(MESSAGE)) == {"text": 'build.failed: say "hi"\nto <all>', "attachments": []}
    assert template.warnings == ("[...] in the template is read as an empty list",)


def test_an_ellipsis_inside_a_text_is_text() -> None:
    template = JsonTemplate.parse(r'{"a": "[...] \" [...]", "b": [{"c": null, "d": [1, 2.5, true]}]}')
    assert json.loads(template.render(MESSAGE)) == {"a": '[...] " [...]', "b": [{"c": None, "d": [1, 2.5, True]}]}
    assert template.warnings == ()


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ('{"n": {{ event.payload.count }}}', "template line 1 column 8"),
        ('{\n  "a": 1,\n}', "template line 3 column 1"),
        ("", ""),
        ('{"a": "{{ event.type "}', "template.a"),
        ('{"a": [{"b": "{% set x = 1 %}"}]}', "template.a[0].b"),
        ('{"{{ event.type }}": 1}', "template"),
        ('{"a": NaN}', ""),
        ("[" * 50_000, ""),
    ],
)
def test_a_document_that_is_no_json_is_refused_with_its_place(source: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JsonTemplate.parse(source)
    assert caught.value.where == where


def test_all_texts_of_a_document_share_one_budget() -> None:
    loop = "{% for x in event.payload.many %}{% endfor %}"
    template = JsonTemplate.parse(json.dumps([loop] * 200))
    with pytest.raises(ConfigError, match="too much"):
        template.render(MESSAGE)


def keys_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: keys_of(part) for name, part in value.items()}
    return [keys_of(part) for part in value] if isinstance(value, list) else None


@given(st.text(), st.text(), st.text())
def test_no_message_breaks_or_extends_the_document(message: str, subject: str, value: str) -> None:
    shape = {"text": "{{event.type}}: {{event.message}}", "list": ["{{event.subject}}", {"k": "{{event.payload.value}}"}], "n": 7}
    source = json.dumps(shape)
    document = JsonTemplate.parse(source).render(render(event("custom.x", message, subject, value=value)))
    parsed = json.loads(document)
    assert keys_of(parsed) == keys_of(json.loads(source))
    assert parsed == {"text": f"custom.x: {message}", "list": [subject, {"k": value}], "n": 7}


@given(st.text(alphabet="{}%#'\"[]().|~ eventmsgx\n-+*0", max_size=60))
def test_any_text_is_a_template_or_a_clear_error(source: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(TextTemplate.parse(source).render(MESSAGE), str)
