"""Templates of endpoints, checked with the rest of the configuration."""

from __future__ import annotations

import textwrap

import pytest

from buildnet_cli.channels.registry import check
from buildnet_cli.config.loader import load_text
from buildnet_cli.config.problems import Problem, Severity

ENDPOINT = """\
notifications:
  channels:
    webhooks:
      - name: Plain
        url: https://plain.example.com/
      - name: Custom API
        url: https://api.example.com/
        {fields}
"""


def problems_of(template: str, *, fields: str = "") -> list[Problem]:
    block = textwrap.indent(template, " " * 10)
    text = ENDPOINT.format(fields=f"{fields}\n        template: |\n{block}")
    return check(load_text(text, "notifications.yaml", lambda _: None, environ={}))


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{event.message}}", "the template is no JSON"),
        ('{\n  "a": 1,\n}', "(template line 3 column 1)"),
        ('{"a": "{{ event.type "}', "(template.a)"),
    ],
)
def test_a_template_that_is_none_is_an_error_in_its_line(template: str, told: str) -> None:
    (problem,) = problems_of(template)
    assert problem.severity is Severity.ERROR
    assert problem.message.startswith("notifications.channels.webhooks[1].template: the template is ")
    assert told in problem.message
    assert problem.line == 9


def test_a_list_of_dots_is_a_warning() -> None:
    (problem,) = problems_of('{"attachments": [...]}')
    assert (problem.severity, problem.message) == (
        Severity.WARNING,
        "notifications.channels.webhooks[1].template: [...] in the template is read as an empty list",
    )


def test_a_text_needs_not_be_json() -> None:
    assert problems_of("{{event.message}}", fields="headers: {Content-Type: text/plain}") == []


def test_an_endpoint_that_is_off_may_be_unfinished() -> None:
    assert problems_of("{{event.message", fields="enabled: false") == []


def test_nothing_is_wrong_with_a_template_that_works_or_with_none() -> None:
    assert problems_of('{"text": "{{event.message}}"}') == []
    assert check(load_text("", "notifications.yaml", lambda _: None, environ={})) == []
