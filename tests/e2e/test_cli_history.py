"""`history` and `emit`, as they are mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agent import Project

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["--type", "build.*"], "--type"),
        (["builds", "--type", "build.*"], "--type"),
        (["commands", "--since", "1h"], "--since"),
        (["commands", "--package", "api"], "--package"),
    ],
)
def test_an_option_that_would_narrow_nothing_down_is_refused(project: Project, args: list[str], option: str) -> None:
    refused = project.call("history", *args)
    assert refused.code == 2
    assert f"{option} does not go with" in refused.err


def test_a_history_that_is_narrowed_to_nothing_is_not_called_empty(project: Project) -> None:
    project.configure()
    project.call("run", "--package", "api", "--", "true").must()
    project.start()
    assert project.call("history", "--package", "gone").must().out == "No builds match\n"
    assert project.call("history", "events", "--type", "node.*").must().out == "No events match\n"


def test_a_build_is_shown_with_its_log_once(project: Project) -> None:
    project.configure()
    project.packages(api="echo one-of-a-kind; exit 3")
    project.start()
    project.call("cmd", "BUILD api", "--wait")
    (build,) = project.call("history", "--json").must().json["items"]
    assert project.call("history", "show", build["id"]).must().out.count("    one-of-a-kind") == 1
    shown = project.call("history", "show", build["id"], "--json").must().json
    assert shown["error"]["tail"] == "one-of-a-kind"


@pytest.mark.parametrize(("typed", "meant"), [("build.faild", "build.failed"), ("resource.cpu.hihg", "resource.cpu.high")])
def test_a_mistyped_event_is_taken_and_remarked(project: Project, typed: str, meant: str) -> None:
    told = project.call("emit", typed).must()
    assert f"{typed} is no type that is known here; did you mean {meant}?" in told.err


@pytest.mark.parametrize("type_", ["build.failed", "custom.deploy.done", "shop.opened"])
def test_a_type_that_is_known_or_like_none_is_taken_without_a_word(project: Project, type_: str) -> None:
    assert "did you mean" not in project.call("emit", type_).must().err


def test_data_without_an_end_is_not_read_to_its_end(project: Project, tmp_path: Path) -> None:
    refused = project.call("emit", "custom.x", "--data", "@/dev/zero")
    assert refused.code == 2
    assert "/dev/zero has more than 4 MiB" in refused.err
