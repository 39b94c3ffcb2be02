"""What the hottest calls may not load: each of these modules costs more than the whole answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildnet_cli.cli.main import Commands

HEAVY = {
    "aiohttp",
    "asyncio",
    "cryptography",
    "httpx",
    "jinja2",
    "keyring",
    "phonenumbers",
    "pydantic",
    "rich",
    "ruamel",
    "sqlite3",
    "sqlite_utils",
    "starlette",
    "uvicorn",
    "yaml",
}

CHILD = """
import json, sys
from buildnet_cli.entry import main
sys.argv = ["buildnet-notify", *sys.argv[1:]]
try:
    code = main()
except SystemExit as end:
    code = end.code
sys.stdout.flush()
sys.stderr.write("\\n" + json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""


def loaded(*args: str, cwd: Path, code: int = 0) -> set[str]:
    """The modules in memory after a call that ended with a code."""
    environ = {**os.environ, "TERM": "dumb", "HOME": str(cwd), "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.run([sys.executable, "-c", CHILD, *args], cwd=cwd, env=environ, capture_output=True, text=True, check=True)
    end = json.loads(child.stderr.splitlines()[-1])
    assert end["code"] == code, child.stderr
    return set(end["modules"])


@pytest.mark.parametrize("args", [["--version"], ["-V"], ["__complete", "bash", "1", "bnn", ""]], ids=" ".join)
def test_the_entry_answers_with_nothing_loaded(args: list[str], tmp_path: Path) -> None:
    idle = set(json.loads(subprocess.check_output([sys.executable, "-c", "import json, sys; print(json.dumps([*sys.modules]))"])))
    ours = {"buildnet_cli", "buildnet_cli.entry", "buildnet_cli.tab", "buildnet_cli.completion_tree"}
    assert loaded(*args, cwd=tmp_path) - idle <= ours


@pytest.mark.parametrize(
    ("args", "code"),
    [(["--help"], 0), (["status", "--help"], 0), (["status"], 5), (["agent", "--help"], 0), (["version"], 0)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_full_command_line_loads_nothing_heavy(args: list[str], code: int, tmp_path: Path) -> None:
    modules = loaded(*args, cwd=tmp_path, code=code)
    assert "typer" in modules
    assert HEAVY & modules == set()


@pytest.mark.parametrize("name", Commands.modules)
def test_the_help_of_every_command_loads_nothing_heavy(name: str, tmp_path: Path) -> None:
    assert HEAVY & loaded(name, "--help", cwd=tmp_path) == set()
