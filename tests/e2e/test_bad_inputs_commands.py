"""The commands of tests/data/bad_inputs.yaml, given to a real agent by the people and on the channels they name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.agent import Answer, Project, new_project, request, wait_for
from tests.support.bad_inputs import CANARIES, Case, base_configuration, cases

pytestmark = pytest.mark.e2e

CASES = cases(surface="command")
KEYS = {
    "admin": ("CANARY-admin-Zq81mVx0Tt5LrKc2Yw7Hd4Pj", ["*"]),
    "build": ("CANARY-build-9fKq3Xw7Lm2Vt8Rz5Ny1Bc6G", ["level:build"]),
    "read": ("CANARY-read-4Hs8Dp2Jw6Qm9Xk3Vt7Lz1Ry", ["level:read"]),
}
FINISHED = "build_already_done"


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project with two packages and keys of every level, and the id of a build that has ended."""
    with new_project(tmp_path_factory.mktemp("commands")) as project:
        configuration = base_configuration()
        configuration["notifications"]["dry_run"] = True
        for name in ("email", "slack", "discord", "telegram"):
            configuration["notifications"]["channels"][name]["enabled"] = False
        keys = [{"name": name, "key": key, "permissions": words} for name, (key, words) in KEYS.items()]
        limits = {"read_per_minute": 1000, "build_per_minute": 1000, "admin_per_minute": 1000}
        project.configure(
            notifications=configuration["notifications"],
            remote_control={"enabled": True, "authentication": {"api_keys": keys}, "rate_limit": limits},
        )
        project.packages(api="true", ui="true")
        project.start(**CANARIES)
        project.call("cmd", "BUILD ui", "--wait").must()
        yield project, project.items("/api/builds")[0]["id"]


def ask(project: Project, url: str, case: Case, text: str) -> Answer:
    key = KEYS[case.input["as"]][0]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return request("POST", f"{url}/api/commands/execute", json.dumps({"command": text}).encode(), headers)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_command_is_met_as_it_should_be(case: Case, remote: tuple[Project, str]) -> None:
    project, finished = remote
    before = project.config.read_text()
    answer = ask(project, project.url, case, str(case.input["command"]).replace(FINISHED, finished))
    said = json.dumps(answer.body, ensure_ascii=False)
    assert answer.status in case.statuses, said
    assert case.missing_in(said, "error_has") == []
    assert case.missing_in(said, "output_has") == []
    assert case.unwanted_in(said) == []
    if "result" in case.expect:
        assert answer.body["command"] == case.expect["result"]
    if case.expect.get("side_effects") == "none":
        assert project.config.read_text() == before
        assert wait_for(lambda: project.status()["state"] == "running", "the agent is gone")
    if case.expect.get("audit") == "command.denied":
        assert project.items("/api/audit")[0]["event_type"] == "command.denied"
    assert not [path for path in case.expect.get("absent_files", ()) if Path(path).exists()]


def test_the_configuration_is_still_as_it_was_written(remote: tuple[Project, str]) -> None:
    project, _ = remote
    assert yaml.safe_load(project.config.read_text())["remote_control"]["enabled"] is True
