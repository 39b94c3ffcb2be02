"""Builds that need not be done, seen from the terminal, over agents that come and go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import Project

pytestmark = pytest.mark.e2e


@pytest.fixture
def tool(project: Project) -> Project:
    """A project with one package that has sources and outputs."""
    project.configure()
    source = project.root / "tool" / "src"
    source.mkdir(parents=True)
    (source / "a").write_text("a\n")
    package = {
        "name": "tool",
        "path": "tool",
        "build_cmd": "mkdir -p out && cat src/a > out/a && ! grep broken src/a",
        "sources": ["tool/src/**"],
        "output_dir": "tool/out",
    }
    (project.state / "config.json").write_text(json.dumps({"packages": [package]}))
    return project


def built(project: Project, *, code: int = 0) -> dict[str, Any]:
    """Build it once more; its row."""
    answer = project.call("cmd", "BUILD tool", "--wait", "--json").must(code).json
    (build,) = answer["builds"]
    return dict(build)


def test_a_result_outlives_the_agent_that_made_it_and_a_killed_one(tool: Project) -> None:
    pid = tool.start()
    assert built(tool)["tier"] == "FullBuild"
    assert (built(tool)["status"], built(tool)["tier"]) == ("cached", "InstantSkip")
    tool.kill(pid)
    tool.start()
    assert built(tool)["tier"] == "InstantSkip"
    shutil.rmtree(tool.root / "tool" / "out")
    assert built(tool)["tier"] == "CacheRestore"
    assert (tool.root / "tool" / "out" / "a").read_text() == "a\n"
    types = [event["type"] for event in tool.items("/api/notifications/events?type=cache.*")]
    assert types == ["cache.artifact.created"]


def test_why_it_was_built_is_shown_with_the_build(tool: Project) -> None:
    tool.start()
    built(tool)
    (tool.root / "tool" / "src" / "a").write_text("broken\n")
    failed = built(tool, code=1)
    shown = tool.call("history", "show", failed["id"]).must().out
    assert "why:\n  summary: tool/src/a changed\n  changed: tool/src/a\n" in shown
    assert failed["why"]["changed"] == ["tool/src/a"]


def test_the_cache_is_told_and_cleared_for_its_code_alone(tool: Project) -> None:
    tool.start()
    built(tool)
    stats = tool.call("cmd", "CACHE STATS", "--json").must().json["result"]
    assert (stats["artifacts"], stats["limit_bytes"]) == (1, 5120 << 20)
    asked = tool.call("cmd", "CACHE CLEAR", "--json").must(6).json
    assert asked["result"]["preview"]["artifacts"] == 1
    assert asked["result"]["preview"]["size_bytes"] == stats["size_bytes"]
    assert tool.call("cmd", "CACHE STATS", "--json").must().json["result"] == stats
    assert kept(tool)
    tool.call("agent", "restart").must()
    done = tool.call("cmd", "CACHE CLEAR", "--confirm", asked["result"]["code"], "--json").must().json
    assert (done["status"], done["result"]) == ("executed", {"artifacts": 1, "size_bytes": stats["size_bytes"]})
    assert not kept(tool)
    assert tool.call("cmd", "CACHE STATS", "--json").must().json["result"]["artifacts"] == 0


def kept(tool: Project) -> list[Path]:
    """The artifacts on the disk."""
    return list((tool.state / "cache").rglob("*.tar.gz"))
