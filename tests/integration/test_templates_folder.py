"""`.buildnet/templates/`: read, checked, and never in the way of a message."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from buildnet_cli.agent.templates import Wording, check
from buildnet_cli.channels import registry
from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.loader import load_text
from buildnet_cli.config.problems import InvalidConfigError, Severity
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from tests.support.bad_inputs import Case, cases, template_of
from tests.support.http_inbox import http_inbox
from tests.support.messages import SAMPLES, event, outgoing

pytestmark = pytest.mark.integration

FAILED = render(SAMPLES["build.failed-first"])


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / f"{name}.j2"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return path


def test_templates_are_read_by_event_and_channel(tmp_path: Path) -> None:
    write(tmp_path, "build.failed", "{{ event.subject }} is red\nsee {{ event.source }}")
    write(tmp_path, "console/build", "{{ event.subject }}!")
    wording = Wording(tmp_path)
    assert wording.reword(FAILED, "slack").title == "api is red"
    assert wording.reword(FAILED, "console").title == "api!"
    assert not check(tmp_path)


def test_no_folder_is_no_template(tmp_path: Path) -> None:
    assert Wording(tmp_path / "gone").reword(FAILED, "slack") is FAILED
    assert check(tmp_path / "gone") == []


@pytest.mark.parametrize(
    "content", ["{{ event.nope }}", "{{ 'a' * 1000000000 }}", "{% include 'x' %}", b"\xff\xfe", "", "x" * 70_000]
)
def test_a_template_that_is_not_valid_is_told_and_our_own_words_are_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str | bytes
) -> None:
    path = write(tmp_path, "build.failed", content)
    write(tmp_path, "resource", "fine")
    with caplog.at_level(logging.WARNING):
        assert Wording(tmp_path).reword(FAILED, "slack") is FAILED
    assert [str(path) in record.getMessage() for record in caplog.records] == [True]
    (problem,) = check(tmp_path)
    assert (problem.severity, problem.file) == (Severity.ERROR, str(path))
    assert "template" in problem.message


def test_a_template_that_fails_on_an_event_is_told_and_our_own_words_are_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "build.failed", "{{ event.payload.duration | round }}")
    wording = Wording(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert wording.reword(FAILED, "slack") is FAILED
    assert str(path) in caplog.text
    assert "the built-in words are sent instead" in caplog.text


@pytest.mark.parametrize(
    ("name", "complaint", "hint"),
    [
        ("build.faild", 'no known event is called "build.faild"', 'did you mean "build.failed"?'),
        ("slak/build.failed", '"slak" is no channel', 'did you mean "slack"?'),
        ("pigeon/build.failed", '"pigeon" is no channel', "known are console"),
        ("webhok/build", '"webhok" is no channel', 'did you mean "webhook"?'),
    ],
)
def test_a_template_that_nothing_uses_is_a_warning(tmp_path: Path, name: str, complaint: str, hint: str) -> None:
    write(tmp_path, name, "x")
    (problem,) = check(tmp_path)
    assert problem.severity is Severity.WARNING
    assert complaint in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    "name", ["build", "build.queue", "resource.cpu", "custom.deploy", "digest.quiet_hours", "console/digest"]
)
def test_types_families_and_what_is_open_to_everybody_are_known(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, "x")
    assert check(tmp_path) == []


TEXTS = [case for case in cases(surface="template") if not template_of(case).startswith('{"')]
DOCUMENTS = [case for case in cases(surface="template") if case not in TEXTS]


def hook(template: str, content_type: str, url: str = "https://hooks.example.com/x") -> dict[str, object]:
    return {"name": "ci", "url": url, "template": template, "headers": {"Content-Type": content_type}}


def told_of_webhook(template: str, content_type: str) -> str:
    config = {"notifications": {"channels": {"webhooks": [hook(template, content_type)]}}}
    try:
        loaded = load_text(json.dumps(config), "notifications.yaml", lambda _: None)
    except InvalidConfigError as exc:
        return exc.report()
    return "".join(f"{problem.message} {problem.hint}" for problem in registry.check(loaded))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.id)
def test_a_bad_template_is_met_as_it_should_be(case: Case, tmp_path: Path) -> None:
    write(tmp_path, "build.failed", template_of(case))
    of_file = "".join(f"{problem.message} {problem.hint}" for problem in check(tmp_path))
    for told in (of_file, told_of_webhook(template_of(case), "text/plain")):
        assert bool(told) == ("reject" in case.outcomes)
        assert not case.missing_in(told, "error_has"), told
        assert not case.unwanted_in(told.replace(template_of(case), "")), told


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case.id)
def test_a_bad_document_is_met_as_it_should_be(case: Case) -> None:
    told = told_of_webhook(template_of(case), "application/json")
    assert "reject" in case.outcomes
    assert told
    assert not case.missing_in(told, "error_has"), told


@pytest.mark.parametrize("case", cases(surface="template_runtime"), ids=lambda case: case.id)
async def test_a_template_that_fails_when_it_is_filled_loses_nothing(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    given, http = case.input["event"], HttpClient()
    with http_inbox() as inbox:
        webhook = Webhook.model_validate(hook(template_of(case), "text/plain", inbox.hook("ci")))
        message = render(event(given["type"], given["message"], **given["payload"]))
        await WebhookChannel([webhook], http).send(outgoing(message, "webhook:ci"))
        await http.close()
        assert len(inbox.received("ci")) == case.expect["delivered"]
    assert not case.missing_in(caplog.text, "warn_has")
