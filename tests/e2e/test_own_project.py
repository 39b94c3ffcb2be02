"""This project builds itself through its own agent, and its README says what is true."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from buildnet_cli.config.loader import load_text
from tests.support.agent import Project

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def tracked_files() -> list[str]:
    """What a clean checkout holds."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_project_builds_itself(project: Project) -> None:
    for name in tracked_files():
        copy = project.root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy)
    (project.root / ".venv").symlink_to(Path(sys.prefix))
    project.state.chmod(0o700)
    project.config.chmod(0o600)
    project.start(PYTHONWARNINGS="")

    built = project.call("cmd", "BUILD", "--wait", "--json", within_secs=400)

    statuses = {build["package"]: (build["status"], build["error"]) for build in built.json["builds"]}
    assert statuses == dict.fromkeys(("lint", "types", "tests", "wheel"), ("completed", None))
    assert list((project.root / "dist").glob("buildnet_notify-*.whl"))


def test_the_demo_looks_as_the_readme_shows_it(project: Project) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    played = project.call("demo", within_secs=60).must()
    assert _outline(played.out.partition("\n\n")[0]) == _outline(shown.rstrip("\n"))
    assert project.processes() == {}


def _outline(capture: str) -> list[str]:
    """A capture without what differs from run to run: numbers, folders, and the order in which parallel builds end."""
    lines = [
        re.sub(r"\(usually .*\)|[0-9.]+m?s\b|/tmp/\S+|:[0-9]+\b|pid [0-9]+", "_", line).rstrip() for line in capture.splitlines()
    ]
    return sorted(lines)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
def test_every_configuration_in_the_readme_loads(block: str) -> None:
    assert yaml.safe_load(block)
    loaded = load_text(block, "README.md", lambda name: f"https://example.com/{name.lower()}", environ={})
    assert [problem.message for problem in loaded.problems] == []


def test_every_command_in_the_readme_exists(project: Project) -> None:
    commands = re.findall(r"^\$ buildnet-notify ([a-z-]+(?: [a-z]+)?)", README, re.MULTILINE)
    assert commands
    for command in commands:
        words = command.split()
        code = project.call(*words, "--help").code
        assert 0 in (code, project.call(words[0], "--help").code), command
