"""A project file that is wrong: told by `config validate`, and no reason to end an agent that works."""

from __future__ import annotations

import pytest

from tests.support.agent import Project

pytestmark = pytest.mark.e2e

CIRCLE = (
    '{"packages": [{"name": "a", "path": ".", "build_cmd": "true", "dependencies": ["b"]},\n'
    '  {"name": "b", "path": ".", "build_cmd": "true", "dependencies": ["a"]}]}'
)


def test_validate_tells_what_would_keep_the_agent_from_starting(project: Project) -> None:
    project.configure()
    assert project.call("config", "validate").code == 0
    (project.root / ".buildnet" / "config.json").write_text(CIRCLE)
    told = project.call("config", "validate")
    assert told.code == 3
    assert "config.json:1:" in told.out
    assert "in a circle: a -> b -> a" in told.out
    assert project.call("agent", "start").code == 3


def test_validate_warns_of_a_glob_that_matches_nothing(project: Project) -> None:
    project.configure()
    package = '{"name": "a", "path": ".", "build_cmd": "true",\n "sources": ["*.rs"]}'
    (project.root / ".buildnet" / "config.json").write_text(f'{{"packages": [{package}]}}')
    told = project.call("config", "validate").must()
    assert 'config.json:2:14 warning: sources of a: "*.rs" matches no file' in told.out


def test_restart_with_a_wrong_project_leaves_the_agent_as_it_is(project: Project) -> None:
    project.configure()
    project.start()
    before = project.agents()
    (project.root / ".buildnet" / "config.json").write_text(CIRCLE)
    refused = project.call("agent", "restart")
    assert refused.code == 3
    assert "in a circle" in refused.err
    assert project.agents() == before
    assert project.call("status").code == 0
