"""Credentials that are no service account's are told with their line, and keep nothing from loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.channels.registry import check
from buildnet_cli.config.loader import load_text
from buildnet_cli.config.problems import Severity

pytestmark = pytest.mark.integration

TEXT = """notifications:
  channels:
    push:
      enabled: {enabled}
      firebase:
        project_id: builds
        credentials: {credentials}
      topics: [{{name: builds}}]
"""


def told(credentials: str, *, enabled: str = "true") -> list[tuple[Severity, str]]:
    loaded = load_text(TEXT.format(credentials=credentials, enabled=enabled), "n.yaml", lambda _: None, environ={})
    return [(problem.severity, f"{problem.where} {problem.message}") for problem in check(loaded)]


def test_a_file_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    ((severity, text),) = told(str(tmp_path / "missing.json"))
    assert severity is Severity.WARNING
    assert text.startswith("n.yaml:7:")
    assert "No such file" in text
    assert "missing.json" not in text


def test_json_of_another_kind_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "google-services.json"
    path.write_text('{"project_info": {}}')
    ((_, text),) = told(str(path))
    assert "not of a service account" in text


def test_a_channel_that_is_off_may_be_incomplete() -> None:
    assert told("/nowhere.json", enabled="false") == []
