"""Private files are made with mode 0600, replaced whole, and refused when others could have touched them."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from buildnet_cli.errors import ConfigError, StorageError
from buildnet_cli.secrets.private_file import create_private, locked, read_private, replace_private


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_a_file_that_is_not_there_reads_as_none(path: Path) -> None:
    assert read_private(path) is None


def test_a_new_file_has_mode_0600_whatever_the_umask(path: Path) -> None:
    old = os.umask(0)
    try:
        create_private(path, b"content")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_private(path) == b"content"


def test_a_file_that_exists_is_never_overwritten_by_making_it(path: Path) -> None:
    create_private(path, b"first")
    with pytest.raises(StorageError, match="cannot be made"):
        create_private(path, b"second")
    assert read_private(path) == b"first"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o660, 0o610])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    create_private(path, b"content")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="it must be 0600") as caught:
        read_private(path)
    assert f"{mode:04o}" in caught.value.message


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_for_its_owner_alone_is_read(path: Path, mode: int) -> None:
    create_private(path, b"content")
    path.chmod(mode)
    assert read_private(path) == b"content"


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_private(path, b"content")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        read_private(path)


def test_a_symlink_is_not_followed(path: Path, tmp_path: Path) -> None:
    create_private(tmp_path / "target", b"content")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(ConfigError, match="is a symlink"):
        read_private(path)


def test_a_pipe_is_refused_without_waiting_for_its_other_end(path: Path) -> None:
    os.mkfifo(path, 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_private(path)


def test_replacing_leaves_the_new_content_and_nothing_else(path: Path) -> None:
    create_private(path, b"old")
    replace_private(path, b"new")
    assert read_private(path) == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_refuses_keeps_the_old_content_and_no_scraps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_private(path, b"old")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="no space left on device"):
        replace_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_symlink_in_the_files_place_is_replaced_and_its_target_left_alone(path: Path, tmp_path: Path) -> None:
    create_private(tmp_path / "target", b"theirs")
    path.symlink_to(tmp_path / "target")
    replace_private(path, b"ours")
    assert (tmp_path / "target").read_bytes() == b"theirs"
    assert read_private(path) == b"ours"


def test_of_two_writers_one_waits_for_the_other(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with locked(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path):
        inside.set()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
