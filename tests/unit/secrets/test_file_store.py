"""The secret file: what goes in comes out with the same key, and nothing comes out of a changed file or with another key."""

from __future__ import annotations

import base64
import json
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.errors import ConfigError
from buildnet_cli.secrets.file_store import FILE, FileStore
from buildnet_cli.secrets.ledger import Store
from buildnet_cli.secrets.master_key import CREDENTIAL, KEY_FILE, VARIABLE

WHEN = datetime(2024, 1, 26, 12, tzinfo=UTC)
WITH_VARIABLE = {VARIABLE: "a-passphrase-of-32-characters-or-so"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "buildnet-notify"


def store_at(folder: Path, environ: dict[str, str] | None = None) -> FileStore:
    return FileStore(folder, environ or {})


def edit(folder: Path, change: Callable[[Any], None]) -> None:
    content = json.loads((folder / FILE).read_text())
    change(content)
    (folder / FILE).write_text(json.dumps(content))


def test_reading_makes_no_folder_and_no_key(folder: Path) -> None:
    store = store_at(folder)
    assert store.entries() == {}
    assert store.read("A") is None
    assert "key file" in store.key_label
    assert not folder.parent.exists()


@pytest.mark.parametrize("environ", [{}, WITH_VARIABLE])
def test_a_value_comes_back_in_another_process(folder: Path, environ: dict[str, str]) -> None:
    store_at(folder, environ).write("A", "hunter2 ✓\nsecond line", WHEN)
    reader = store_at(folder, environ)
    assert reader.read("A") == "hunter2 ✓\nsecond line"
    assert [(name, entry.store, entry.set_at) for name, entry in reader.entries().items()] == [("A", Store.FILE, WHEN)]


def test_no_value_lies_in_any_file_in_plain_or_base64(folder: Path) -> None:
    store_at(folder).write("A", "hunter2hunter2", WHEN)
    for file in folder.iterdir():
        assert b"hunter2" not in file.read_bytes()
        assert base64.b64encode(b"hunter2hunter2")[:16] not in file.read_bytes()


def test_everything_is_for_the_owner_alone(folder: Path) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_passphrase_makes_no_key_file(folder: Path) -> None:
    store_at(folder, WITH_VARIABLE).write("A", "hunter2", WHEN)
    assert not (folder / KEY_FILE).exists()


@pytest.mark.parametrize("name", [FILE, KEY_FILE])
def test_a_file_that_others_can_read_is_refused(folder: Path, name: str) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    (folder / name).chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        store_at(folder).read("A")


def test_a_folder_that_others_can_write_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="0700"):
        store_at(folder).write("A", "hunter2", WHEN)


def test_another_passphrase_is_told_from_a_changed_file(folder: Path) -> None:
    store_at(folder, WITH_VARIABLE).write("A", "hunter2", WHEN)
    with pytest.raises(ConfigError, match=f"{VARIABLE} does not hold the key it was made with"):
        store_at(folder, {VARIABLE: "x" * 40}).read("A")


def test_a_key_from_elsewhere_is_named_with_the_one_that_is_missed(folder: Path) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    with pytest.raises(ConfigError, match=f"the key from the key file {KEY_FILE}, and this process has {VARIABLE}") as caught:
        store_at(folder, WITH_VARIABLE).read("A")
    assert KEY_FILE in caught.value.hint


def test_a_systemd_credential_opens_what_it_closed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / CREDENTIAL).write_text("c" * 32)
    (tmp_path / CREDENTIAL).chmod(0o400)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    store_at(folder, environ).write("A", "hunter2", WHEN)
    assert store_at(folder, environ).read("A") == "hunter2"
    with pytest.raises(ConfigError, match=f"{KEY_FILE} is gone"):
        store_at(folder).read("A")


def test_a_second_value_is_never_written_under_another_key(folder: Path) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    before = (folder / FILE).read_bytes()
    with pytest.raises(ConfigError, match="cannot be opened"):
        store_at(folder, WITH_VARIABLE).write("B", "value", WHEN)
    assert (folder / FILE).read_bytes() == before


def test_a_lost_key_file_is_not_silently_made_anew(folder: Path) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    (folder / KEY_FILE).unlink()
    for use in (lambda: store_at(folder).read("A"), lambda: store_at(folder).write("B", "value", WHEN)):
        with pytest.raises(ConfigError, match="is gone"):
            use()
    assert not (folder / KEY_FILE).exists()


def test_an_emptied_store_may_begin_again_under_another_key(folder: Path) -> None:
    store_at(folder).write("A", "hunter2", WHEN)
    store_at(folder).forget("A")
    store_at(folder, WITH_VARIABLE).write("A", "value", WHEN)
    assert store_at(folder, WITH_VARIABLE).read("A") == "value"


def test_swapped_entries_are_noticed(folder: Path) -> None:
    store = store_at(folder)
    store.write("A", "value of a", WHEN)
    store.write("B", "value of b", WHEN)

    def swap(content: Any) -> None:
        secrets = content["secrets"]
        secrets["A"], secrets["B"] = secrets["B"], secrets["A"]

    edit(folder, swap)
    with pytest.raises(ConfigError, match=r"the entry A in .* has been changed"):
        store_at(folder).read("A")


def test_a_changed_entry_does_not_keep_the_others_from_being_read(folder: Path) -> None:
    store = store_at(folder)
    store.write("A", "value of a", WHEN)
    store.write("B", "value of b", WHEN)
    edit(folder, lambda content: content["secrets"]["A"].update(sealed=base64.b64encode(b"x" * 40).decode()))
    with pytest.raises(ConfigError) as caught:
        store_at(folder).read("A")
    assert "secrets set A" in caught.value.hint
    assert store_at(folder).read("B") == "value of b"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"version": 2}'])
def test_a_damaged_file_is_an_error_that_names_it_and_stays_as_it_is(folder: Path, content: bytes) -> None:
    store = store_at(folder)
    store.write("A", "hunter2", WHEN)
    store.path.write_bytes(content)
    for use in (store.entries, lambda: store.write("B", "value", WHEN), lambda: store.forget("A")):
        with pytest.raises(ConfigError, match=str(store.path)):
            use()
    assert store.path.read_bytes() == content


def test_noting_that_the_keyring_has_a_name_removes_the_value_kept_here(folder: Path) -> None:
    store = store_at(folder)
    store.write("A", "hunter2", WHEN)
    store.note_keyring("A", WHEN)
    assert store.read("A") is None
    assert store.entries()["A"].store is Store.KEYRING
    assert "sealed" not in store.path.read_text()


def test_writers_at_the_same_time_lose_no_name(folder: Path) -> None:
    names = [f"NAME_{number}" for number in range(16)]
    threads = [threading.Thread(target=lambda name=name: store_at(folder).write(name, name, WHEN)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = store_at(folder)
    assert sorted(reader.entries()) == sorted(names)
    assert all(reader.read(name) == name for name in names)
