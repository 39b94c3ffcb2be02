"""`demo`: the first thing that a newcomer types, in an empty home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agent import Project
from tests.support.skips import needs_program

pytestmark = [pytest.mark.e2e, needs_program("gcc")]


def test_the_tour_ends_by_itself_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    ran = project.call("demo", env={"TMPDIR": str(temporary)}).must()
    assert ran.took_secs < 30
    assert ran.err == ""
    for told in ("greet.c:", "buildnet-notify init", "buildnet-notify agent start"):
        assert told in ran.out
    # Each of the seven channels is told of the failure, and of its end.
    for channel in ("SMS", "mail", "push", "Slack", "Discord", "Telegram"):
        told = ran.out.partition(f"     {channel} ")[2].splitlines()[1:3]
        assert [line.split()[:2] for line in told] == [["libgreet", "FAILED"], ["libgreet", "FIXED"]], channel
    told = ran.out.partition("     webhook ")[2].splitlines()[1:3]
    assert [line.split()[0] for line in told] == ["build.failed", "build.cached"]
    assert [*temporary.iterdir()] == []
    assert project.processes() == {}
    assert [*project.root.iterdir()] == []
    assert [path for path in project.home.rglob("*") if path.is_file()] == []
    assert [path for path in project.runtime.rglob("*") if not path.is_dir()] == []


def test_with_json_it_is_one_object(project: Project) -> None:
    answer = project.call("demo", "--json").must().json
    assert answer["schema"] == "buildnet-notify/demo@1"
    failed = [build for build in answer["builds"] if build["status"] == "failed"]
    assert [(build["package"], build["error"]["file"]) for build in failed] == [("libgreet", "libgreet/src/greet.c")]
    providers = {message["provider"] for message in answer["received"]}
    assert providers == {"twilio", "smtp", "fcm", "slack", "discord", "telegram", "webhook"}
