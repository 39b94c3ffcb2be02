"""Which workspace a command speaks about, and which folders can be trusted."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildnet_cli.errors import ConfigError, StorageError, UsageError
from buildnet_cli.paths import CONFIG_NAME, FOLDER, find_workspace, prepare_state, runtime_folder, socket_path


@pytest.fixture(autouse=True)
def _user_has_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "BUILDNET_PROJECT", "BUILDNET_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / CONFIG_NAME).touch()
    return root


def test_the_workspace_is_the_nearest_folder_upward_that_has_ours(project: Path) -> None:
    inner = project / "packages" / "api"
    inner.mkdir(parents=True)
    found = find_workspace(cwd=inner, environ={})
    assert (found.root, found.config, found.state) == (project, project / FOLDER / CONFIG_NAME, project / FOLDER)
    assert found.base == project
    (inner / FOLDER).mkdir()
    assert find_workspace(cwd=inner, environ={}).root == inner


def test_without_a_project_the_users_own_folders_are_used(tmp_path: Path) -> None:
    found = find_workspace(cwd=tmp_path, environ={})
    assert found.root is None
    assert found.config == tmp_path / "home/.config/buildnet-notify" / CONFIG_NAME
    assert found.state == tmp_path / "home/.local/state/buildnet-notify"
    assert found.base == found.state
    assert str(found) == str(found.config)


def test_a_project_without_a_configuration_uses_the_users_if_there_is_one(project: Path, tmp_path: Path) -> None:
    (project / FOLDER / CONFIG_NAME).unlink()
    assert find_workspace(cwd=project, environ={}).config == project / FOLDER / CONFIG_NAME
    users = tmp_path / "home/.config/buildnet-notify" / CONFIG_NAME
    users.parent.mkdir(parents=True)
    users.touch()
    assert find_workspace(cwd=project, environ={}).config == users


def test_the_command_line_wins_over_the_environment_and_that_over_the_search(project: Path, tmp_path: Path) -> None:
    other, third = tmp_path / "other", tmp_path / "third"
    other.mkdir()
    third.mkdir()
    environ = {"BUILDNET_PROJECT": str(other), "BUILDNET_CONFIG": str(tmp_path / "b.yaml")}
    assert find_workspace(cwd=project, environ=environ).root == other
    assert find_workspace(cwd=project, environ=environ).config == tmp_path / "b.yaml"
    found = find_workspace(project=third, config=tmp_path / "c.yaml", cwd=project, environ=environ)
    assert (found.root, found.config) == (third, tmp_path / "c.yaml")


def test_a_named_project_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        find_workspace(project=tmp_path / "missing", environ={})


def test_everything_we_write_lies_in_the_state_folder(project: Path) -> None:
    found = find_workspace(cwd=project, environ={})
    for path in (found.database, found.spool, found.logs, found.builds, found.lock, found.socket_link):
        assert path.parent == found.state


def test_a_state_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"
    prepare_state(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o700])
def test_a_state_folder_that_others_could_read_is_tightened(tmp_path: Path, mode: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    prepare_state(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_a_state_folder_that_others_could_write_is_refused_and_left_as_it_is(tmp_path: Path, mode: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    with pytest.raises(ConfigError, match=r"writable by others .* must be 0700") as caught:
        prepare_state(state)
    assert str(state) in caught.value.hint
    assert stat.S_IMODE(state.stat().st_mode) == mode


def test_a_state_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        prepare_state(tmp_path)


def test_a_symlink_in_place_of_the_state_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is a symlink"):
        prepare_state(tmp_path / "state")


def test_a_file_in_place_of_the_state_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    for path in (tmp_path / "state", tmp_path / "state" / "inner"):
        with pytest.raises(ConfigError, match="is not a directory"):
            prepare_state(path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(30, "Read-only file system"), "read-only file system"), (OSError(13, "Permission denied"), "is not writable")],
)
def test_a_folder_that_cannot_be_written_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    tmp_path.chmod(0o700)
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(StorageError, match=reason):
        prepare_state(tmp_path)


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A private folder with a short name, as the system's own is."""
    with tempfile.TemporaryDirectory(prefix="bnn") as folder:
        yield Path(folder)


def test_the_systems_runtime_folder_is_used_when_it_is_private(runtime: Path) -> None:
    folder = runtime_folder({"XDG_RUNTIME_DIR": str(runtime)})
    assert folder == runtime / "buildnet-notify"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_one_that_is_not_private_missing_or_relative_is_passed_over(runtime: Path) -> None:
    runtime.chmod(0o755)
    for given in (str(runtime), "/nonexistent", "relative", ""):
        assert runtime_folder({"XDG_RUNTIME_DIR": given}).parent == Path("/tmp")


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.mkdir(mode=0o755), lambda path: path.symlink_to("/tmp")])
def test_a_folder_that_somebody_else_prepared_is_refused(runtime: Path, make: object) -> None:
    assert callable(make)
    make(runtime / "buildnet-notify")
    with pytest.raises(ConfigError, match="is not a private directory of yours"):
        runtime_folder({"XDG_RUNTIME_DIR": str(runtime)})


@pytest.mark.parametrize("length", [1, 40, 60, 80, 100, 200])
def test_a_socket_can_be_bound_however_long_the_paths_are(runtime: Path, tmp_path: Path, length: int) -> None:
    long = runtime / ("x" * length)
    long.mkdir(mode=0o700)
    path = socket_path(tmp_path / ("y" * 200), {"XDG_RUNTIME_DIR": str(long)})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    path.unlink()


def test_two_workspaces_have_two_sockets_and_one_has_always_the_same(runtime: Path, tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(runtime)}
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a").mkdir()
    assert socket_path(tmp_path / "a", environ) == socket_path(tmp_path / "link", environ)
    assert socket_path(tmp_path / "a", environ) != socket_path(tmp_path / "b", environ)
