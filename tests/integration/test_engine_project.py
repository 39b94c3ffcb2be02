from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.config.loader import load_text
from buildnet_cli.config.problems import InvalidConfigError, Page
from buildnet_cli.engine.local.remarks import remarks
from buildnet_cli.engine.project import Project, load_project, project_from_config, read_project

pytestmark = pytest.mark.integration

FILE = Path(".buildnet/config.json")
DAEMON = {
    "project_root": ".",
    "db_path": ".buildnet/state.db",
    "cache_path": ".buildnet/cache",
    "http_port": 9876,
    "socket_path": ".buildnet/buildnet.sock",
    "max_concurrent_builds": 3,
    "watch_debounce_ms": 100,
    "build_timeout_secs": 600,
    "verbose": False,
}


def package(name: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    whole = {
        "name": name,
        "path": "src",
        "build_cmd": "make",
        "dependencies": list(dependencies),
        "sources": [],
        "output_dir": "",
    }
    return whole | fields


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / ".buildnet").mkdir()
    return tmp_path


def load(root: Path, content: object) -> Project:
    (root / FILE).write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return load_project(root, FILE)


def refusal(root: Path, content: object) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        load(root, content)
    return caught.value


def test_a_file_of_the_buildnet_daemon_is_read(root: Path):
    project = load(root, DAEMON | {"packages": [package("lib", sources=["src/**"], output_dir="out"), package("api", "lib")]})
    assert list(project.packages) == ["lib", "api"]
    assert project.packages["api"].dependencies == ("lib",)
    assert (project.max_concurrent_builds, project.build_timeout, project.root) == (3, timedelta(minutes=10), root)


def test_unknown_keys_are_ignored_as_the_daemon_ignores_them(root: Path):
    assert load(root, DAEMON | {"colour": "blue", "packages": [package("lib", owner="me")]}).packages["lib"].name == "lib"


def test_packages_alone_are_enough(root: Path):
    project = load(root, {"packages": [{"name": "lib", "path": "src", "build_cmd": "make"}]})
    assert list(project.packages) == ["lib"]
    assert project.max_concurrent_builds >= 1


def warnings(root: Path, *packages: dict[str, Any]) -> list[tuple[str, str]]:
    (root / FILE).write_text(json.dumps({"packages": packages}, indent=2))
    return [(problem.message, problem.path) for problem in remarks(read_project(root, FILE))]


def test_globs_that_match_nothing_are_remarked_one_by_one(root: Path):
    (root / "src" / "main.c").touch()
    api = package("api", sources=["src/*.{c,h}", "src/*.rs", "!src/gone.c", "."], inputs=["Makefile"])
    assert warnings(root, api) == [
        ('sources of api: "src/*.rs" matches no file', "packages[0].sources[1]"),
        ('inputs of api: "Makefile" matches no file', "packages[0].inputs[0]"),
    ]


def test_a_glob_for_what_another_package_makes_is_no_mistake_before_that_was_made(root: Path):
    assert warnings(root, package("lib", output_dir="out"), package("api", "lib", sources=["out/*.a"])) == []


@pytest.mark.parametrize("output", ["src", ".", "../elsewhere"])
def test_outputs_that_cannot_be_cached_are_remarked(root: Path, output: str):
    (found,) = warnings(root, package("lib", output_dir=output))
    assert found[0].startswith(f"the result of lib is not cached: output_dir {output} ")
    assert found[1] == "packages[0].output_dir"


def test_outputs_that_are_not_to_be_cached_anyway_are_no_news(root: Path):
    assert warnings(root, package("lib", output_dir="src", cache=False)) == []


def test_a_package_may_have_a_time_limit_of_its_own_and_zero_is_none(root: Path):
    fields = DAEMON | {"packages": [package("a", timeout_secs=5), package("b"), package("c", timeout_secs=0)]}
    project = load(root, fields)
    limits = [project.timeout_of(found) for found in project.packages.values()]
    assert limits == [timedelta(seconds=5), timedelta(minutes=10), None]


def test_all_missing_and_unfit_keys_are_told_at_once_with_file_line_and_field(root: Path):
    error = refusal(root, {"packages": [{"name": "a"}, {"path": 3, "build_cmd": " "}, 7], "max_concurrent_builds": 0})
    told = {(problem.line, problem.message.split(";")[0]) for problem in error.problems}
    assert told == {
        (3, 'packages[0] needs "path"'),
        (3, 'packages[0] needs "build_cmd"'),
        (6, 'packages[1] needs "name"'),
        (7, "packages[1].path must be text, not 3"),
        (8, "packages[1].build_cmd must not be empty"),
        (10, "packages[2] must be a mapping (keys with values), not 7"),
        (12, "max_concurrent_builds must be a whole number from 1 to 1024 (builds), not 0"),
    }
    assert {problem.file for problem in error.problems} == {str(root / FILE)}


@pytest.mark.parametrize("name", ["", " a", "a b", "-rf", "../x", "a;b", "a\nb", "ä", "x" * 101, ".hidden"])
def test_a_name_that_a_daemon_or_a_shell_could_misread_is_refused(root: Path, name: str):
    assert "is no package name" in refusal(root, {"packages": [package(name)]}).message


@pytest.mark.parametrize("name", ["a", "@scope/pkg", "lib-1.2_x", "9", "x" * 100])
def test_names_that_package_managers_use_are_taken(root: Path, name: str):
    assert list(load(root, {"packages": [package(name)]}).packages) == [name]


def test_an_unknown_dependency_is_named_with_its_line_and_the_nearest_name(root: Path):
    error = refusal(root, {"packages": [package("library"), package("api", "libary")]})
    assert error.message == 'api depends on "libary", which is no package here; did you mean "library"?'
    assert error.where == f"{root / FILE}:16:9"


def test_a_circle_is_named(root: Path):
    error = refusal(root, {"packages": [package("a", "b"), package("b", "c"), package("c", "a")]})
    assert error.message == "packages depend on each other in a circle: a -> b -> c -> a"


def test_a_glob_that_is_none_is_told_with_its_place(root: Path):
    error = refusal(root, {"packages": [package("api", sources=["src/**", "../x/*"], inputs=["a{1..5000}"])]})
    assert [problem.message for problem in error.problems] == [
        "sources of api: '../x/*' leads out of the project",
        "inputs of api: 'a{1..5000}' cannot be read: Pattern limit exceeded the limit of 1000",
    ]
    assert error.where == f"{root / FILE}:10:9"
    assert error.problems[0].hint == "globs are relative to the project, such as src/**/*.{ts,tsx}"


def test_problems_of_different_kinds_are_told_together_in_the_order_of_the_file(root: Path):
    error = refusal(root, {"packages": [package("a", "b"), package("b", "a", "nope"), package("a", path="gone")]})
    assert [problem.message.split(" (")[0].split(",")[0] for problem in error.problems] == [
        "packages depend on each other in a circle: a -> b -> a",
        'b depends on "nope"',
        'the package "a" is defined twice',
        'the path "gone" of a does not exist',
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("..", "leads out of the project folder"),
        ("src/../../other", "leads out of the project folder"),
        ("/etc", "leads out of the project folder"),
        ("link", "leads out of the project folder"),
        ("nowhere", "does not exist"),
        ("file", "is no folder"),
        ("circle", "cannot be followed"),
        ("a\0b", "holds a NUL character"),
    ],
)
def test_a_path_has_to_be_a_folder_inside_the_project(root: Path, path: str, words: str):
    (root / "link").symlink_to("/etc")
    (root / "circle").symlink_to("circle")
    (root / "file").touch()
    assert words in refusal(root, {"packages": [package("a", path=path)]}).message


@pytest.mark.parametrize("project_root", ["..", "/", "gone"])
def test_a_project_root_outside_the_workspace_is_refused(root: Path, project_root: str):
    error = refusal(root, DAEMON | {"project_root": project_root, "packages": []})
    assert "is no folder inside" in error.message
    assert error.where == f"{root / FILE}:2:19"


def test_no_packages_are_a_valid_project(root: Path):
    assert load(root, {"packages": []}).packages == {}


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ('{"packages": [}', ":1:15", "not JSON"),
        ("[]", ":1:1", "holds no JSON object"),
        ("{}", ":1:1", 'needs "packages"'),
        ('{"packages": {}}', ":1:2", "must be a list"),
    ],
)
def test_a_file_of_another_shape_is_refused(root: Path, content: str, where: str, words: str):
    error = refusal(root, content)
    assert error.where == f"{root / FILE}{where}"
    assert words in error.message


def test_a_missing_file_says_what_to_type(root: Path):
    with pytest.raises(InvalidConfigError) as caught:
        load_project(root, FILE)
    assert "buildnet-notify init" in caught.value.hint


def test_a_file_that_others_may_write_is_refused_because_it_says_what_is_run(root: Path):
    load(root, {"packages": []})
    (root / FILE).chmod(0o666)
    with pytest.raises(InvalidConfigError, match="let others write to it"):
        load_project(root, FILE)


YAML = """\
packages:
  - name: lib-1.2
    path: src
    build_cmd: make lib
    timeout_secs: 5
  - name: api
    path: src
    build_cmd: make api
    dependencies: [{dependency}]
"""


def from_yaml(root: Path, dependency: str) -> Project:
    text = YAML.format(dependency=dependency)
    loaded = load_text(text, "notifications.yaml", lambda name: None, environ={})
    return project_from_config(root, loaded.config.packages, loaded.origins, Page(loaded.file, loaded.text)).project


def test_packages_may_stand_in_our_own_configuration(root: Path):
    project = from_yaml(root, "lib-1.2")
    assert {found.name: found.dependencies for found in project.packages.values()} == {"lib-1.2": (), "api": ("lib-1.2",)}
    assert [project.timeout_of(found) for found in project.packages.values()] == [timedelta(seconds=5), timedelta(minutes=30)]


def test_their_problems_are_told_with_the_line_of_our_configuration(root: Path):
    with pytest.raises(InvalidConfigError) as caught:
        from_yaml(root, "lob-1.2")
    assert caught.value.where == "notifications.yaml:9:20"
    assert 'did you mean "lib-1.2"?' in caught.value.message
