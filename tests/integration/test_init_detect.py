"""What `init` finds to build in a project without a list of its packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildnet_cli.cli.detect import Candidate, find_packages
from buildnet_cli.cli.init import detect, render
from buildnet_cli.config.loader import load_text

pytestmark = pytest.mark.integration


def write(root: Path, path: str, content: object = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(("file", "command"), [("Makefile", "make"), ("Cargo.toml", "cargo build"), ("go.mod", "go build ./...")])
def test_a_project_with_a_build_tool_of_its_own_is_one_package(tmp_path: Path, file: str, command: str) -> None:
    root = tmp_path / "shop"
    write(root, file)
    write(root, "vendor/Makefile")
    assert find_packages(root) == (Candidate("shop", ".", command),)


def test_packages_of_a_workspace_are_found_with_what_they_need(tmp_path: Path) -> None:
    write(tmp_path, "package.json", {"name": "root", "workspaces": ["packages/*"], "scripts": {"build": "all"}})
    write(tmp_path, "packages/lib/package.json", {"name": "@x/lib", "scripts": {"build": "tsc"}})
    write(tmp_path, "packages/ui/package.json", {"name": "ui", "scripts": {"build": "tsc"}, "dependencies": {"@x/lib": "*"}})
    write(tmp_path, "packages/docs/package.json", {"name": "docs"})
    text = render(detect(tmp_path / ".buildnet", {}))
    packages = load_text(text, "new", lambda name: None, environ={}).config.packages
    assert [(each.name, each.path, each.build_cmd, each.dependencies) for each in packages] == [
        ("@x/lib", "packages/lib", "npm run build", ()),
        ("ui", "packages/ui", "npm run build", ("@x/lib",)),
    ]


def test_packages_that_need_each_other_are_listed_without_what_they_need(tmp_path: Path) -> None:
    write(tmp_path, "pnpm-lock.yaml")
    write(tmp_path, "packages/a/package.json", {"name": "a", "scripts": {"build": "x"}, "dependencies": {"b": "*"}})
    write(tmp_path, "packages/b/package.json", {"name": "b", "scripts": {"build": "x"}, "devDependencies": {"a": "*"}})
    packages = load_text(render(detect(tmp_path / ".buildnet", {})), "new", lambda name: None, environ={}).config.packages
    assert [(each.name, each.build_cmd, each.dependencies) for each in packages] == [
        ("a", "pnpm run build", ()),
        ("b", "pnpm run build", ()),
    ]


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"scripts": 1}', '{"scripts": {"build": "x"}, "name": "a b"}'])
def test_a_manifest_that_says_nothing_is_passed_over(tmp_path: Path, manifest: str) -> None:
    write(tmp_path, "package.json", manifest)
    assert find_packages(tmp_path) == ()


def test_a_list_of_packages_is_believed(tmp_path: Path) -> None:
    write(tmp_path, "Makefile")
    write(tmp_path, ".buildnet/config.json", {"packages": [{"name": "listed"}]})
    found = detect(tmp_path / ".buildnet", {})
    assert (found.packages, found.candidates) == (("listed",), ())
