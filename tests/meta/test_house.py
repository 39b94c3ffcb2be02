"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "buildnet_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300

NOT_OURS = {".git", ".venv", ".buildnet", "__pycache__", "build", "dist", "node_modules"}
"""Folders that hold no file of the repository."""

VAGUE = {"utils", "util", "helpers", "helper", "types", "base", "common", "misc"}

# The core: values and the time in, values out. Those that exist are held to it by the import contract.
PURE = {
    "buildnet_cli.events",
    "buildnet_cli.routing",
    "buildnet_cli.messages",
    "buildnet_cli.commands.grammar",
    "buildnet_cli.delivery.backoff",
    "buildnet_cli.delivery.breaker",
    "buildnet_cli.monitoring.thresholds",
    "buildnet_cli.reports",
}

FORBIDDEN_TEXT = {
    "the host of a package registry": re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org"),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(root|work)/"),
    "a folder outside the repository": re.compile(r"(?<![\w/])shared[/]"),
}

HAS_REASON = re.compile(r"(noqa: ?[A-Z0-9, ]+?|type: ?ignore\[[\w, -]+\])\s*[(#]\s*\w")

STARTS_A_PROCESS = re.compile(
    r"fork|forkpty|system|popen|posix_spawnp?|exec[lv]p?e?|spawn[lv]p?e?|create_subprocess_(exec|shell)|subprocess_(exec|shell)"
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _repository() -> Iterator[Path]:
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info", ".hypothesis")):
                continue
            if path.is_dir() and not path.is_symlink():
                folders.append(path)
            elif path.is_file():
                yield path


def test_the_package_is_found() -> None:
    assert PACKAGE / "entry.py" in MODULES


def test_a_module_is_short_enough_to_read() -> None:
    """Split by idea, not by size."""
    written = [path for path in MODULES if path.name != "completion_tree.py"]  # that one is generated
    lengths = {_name(path): len(path.read_text().splitlines()) for path in written}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_a_module_says_what_it_is_for() -> None:
    assert [_name(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_a_package_is_its_docstring() -> None:
    assert [_name(path) for path in PACKAGE.rglob("*/__init__.py") if len(ast.parse(path.read_text()).body) != 1] == []


def test_a_name_says_something() -> None:
    assert [_name(path) for path in MODULES if VAGUE & {*path.relative_to(ROOT).parent.parts, path.stem}] == []


def test_a_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [_name(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_the_repository_stands_alone(what: str) -> None:
    found = []
    for path in _repository():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{_name(path)}:{number}" for number, line in enumerate(lines, 1) if FORBIDDEN_TEXT[what].search(line)]
    assert found == []


def test_an_exception_to_a_rule_carries_its_reason() -> None:
    """`# noqa: CODE  (why)` and `# type: ignore[code]  # why`."""
    bare = []
    for path in (path for path in _repository() if path.suffix == ".py"):
        with tokenize.open(path) as source:
            comments = [token for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.COMMENT]
        for comment in comments:
            if re.search(r"# ?(noqa|type: ?ignore)", comment.string) and not HAS_REASON.search(comment.string):
                bare.append(f"{_name(path)}:{comment.start[0]}")
    assert bare == []


def test_child_processes_come_through_their_door() -> None:
    found = []
    for path in MODULES:
        if path.is_relative_to(PACKAGE / "process"):
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        attributes = (call.func for call in calls if isinstance(call.func, ast.Attribute))
        found += [f"{_name(path)}:{node.lineno}" for node in attributes if STARTS_A_PROCESS.fullmatch(node.attr)]
    assert found == []


def test_every_pure_module_is_held_to_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = {module for contract in contracts if contract["name"].startswith("The core") for module in contract["source_modules"]}
    existing = {name for name in PURE if list(ROOT.glob(f"{name.replace('.', '/')}*"))}
    assert existing == held
