"""A value is read from the store it was last written to, whatever the keyring does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from buildnet_cli import redact
from buildnet_cli.errors import ConfigError, NotFoundError, UsageError
from buildnet_cli.secrets.file_store import FileStore
from buildnet_cli.secrets.ledger import Store
from buildnet_cli.secrets.os_keyring import KeyringStuckError, KeyringUnavailableError
from buildnet_cli.secrets.vault import LONGEST_NAME, MAX_VALUE, Keyring, Vault, open_vault
from tests.support.clocks import START, FakeClock


class FakeKeyring:
    """The user's keyring: its content outlives a vault. `trouble` is raised by every call, and counted."""

    label = "fake"

    def __init__(self) -> None:
        self.content: dict[str, str] = {}
        self.trouble: KeyringUnavailableError | None = None
        self.calls = 0

    def get(self, name: str) -> str | None:
        self._meet_trouble()
        return self.content.get(name)

    def set(self, name: str, value: str) -> None:
        self._meet_trouble()
        self.content[name] = value

    def delete(self, name: str) -> None:
        self._meet_trouble()
        self.content.pop(name, None)

    def _meet_trouble(self) -> None:
        self.calls += 1
        if self.trouble is not None:
            raise self.trouble


LOCKED = KeyringUnavailableError("it is locked")
STUCK = KeyringStuckError("it did not answer within 3 s")


def absent() -> Keyring:
    raise KeyringUnavailableError("this machine has none")


@pytest.fixture
def keyring() -> FakeKeyring:
    return FakeKeyring()


@pytest.fixture
def open_at(tmp_path: Path) -> Callable[[Callable[[], Keyring]], Vault]:
    """A vault as another process would open it: same files, nothing remembered."""
    return lambda open_keyring: Vault(FileStore(tmp_path / "secrets", {}), open_keyring, FakeClock())


Open = Callable[[Callable[[], Keyring]], Vault]


def test_a_value_goes_to_the_keyring_and_not_into_any_file(open_at: Open, keyring: FakeKeyring, tmp_path: Path) -> None:
    info = open_at(lambda: keyring).set("A", "hunter2")
    assert (info.name, info.store, info.set_at) == ("A", Store.KEYRING, START)
    assert keyring.content == {"A": "hunter2"}
    assert open_at(lambda: keyring).get("A") == "hunter2"
    assert all(b"sealed" not in file.read_bytes() for file in (tmp_path / "secrets").iterdir())


def test_without_a_keyring_a_value_goes_to_the_encrypted_file(open_at: Open) -> None:
    assert open_at(absent).set("A", "hunter2").store is Store.FILE
    assert open_at(absent).get("A") == "hunter2"


def test_a_name_that_was_never_set_is_none_and_asks_no_keyring(open_at: Open) -> None:
    def must_not_be_opened() -> Keyring:
        raise AssertionError

    assert open_at(must_not_be_opened).get("NEVER_SET") is None
    assert open_at(must_not_be_opened).names() == []


def test_a_value_in_the_file_is_read_from_there_when_a_keyring_comes(open_at: Open, keyring: FakeKeyring) -> None:
    open_at(absent).set("A", "in the file")
    keyring.content["A"] = "some older value"
    assert open_at(lambda: keyring).get("A") == "in the file"
    assert keyring.calls == 0


def test_a_value_in_a_keyring_that_is_gone_is_an_error_and_no_missing_name(open_at: Open, keyring: FakeKeyring) -> None:
    open_at(lambda: keyring).set("A", "hunter2")
    with pytest.raises(ConfigError, match="A lies in the OS keyring, which cannot be used: this machine has none") as caught:
        open_at(absent).get("A")
    assert "secrets set A" in caught.value.hint


def test_setting_again_moves_a_name_to_the_store_that_works_now(open_at: Open, keyring: FakeKeyring) -> None:
    open_at(lambda: keyring).set("A", "old")
    assert open_at(absent).set("A", "new").store is Store.FILE
    assert open_at(lambda: keyring).get("A") == "new"
    open_at(lambda: keyring).set("A", "newest")
    assert [info.store for info in open_at(absent).names()] == [Store.KEYRING]
    assert keyring.content == {"A": "newest"}


def test_a_keyring_that_gets_stuck_is_not_asked_again(open_at: Open, keyring: FakeKeyring) -> None:
    for name in ("A", "B", "C"):
        open_at(lambda: keyring).set(name, "hunter2")
    keyring.trouble, keyring.calls = STUCK, 0
    vault = open_at(lambda: keyring)
    for name in ("A", "B", "C"):
        with pytest.raises(ConfigError, match="did not answer within 3 s"):
            vault.get(name)
    assert keyring.calls == 1
    assert vault.set("D", "value").store is Store.FILE


def test_a_keyring_that_is_unlocked_again_is_asked_again(open_at: Open, keyring: FakeKeyring) -> None:
    vault = open_at(lambda: keyring)
    vault.set("A", "hunter2")
    keyring.trouble = LOCKED
    with pytest.raises(ConfigError, match="it is locked"):
        vault.get("A")
    keyring.trouble = None
    assert vault.get("A") == "hunter2"


def test_the_keyring_is_looked_for_once(open_at: Open) -> None:
    opened = 0

    def count() -> Keyring:
        nonlocal opened
        opened += 1
        raise KeyringUnavailableError("this machine has none")

    vault = open_at(count)
    assert opened == 0
    vault.set("A", "value")
    vault.set("B", "value")
    assert "this machine has none" in vault.description
    assert opened == 1


def test_deleting_removes_the_value_from_the_store_that_has_it(open_at: Open, keyring: FakeKeyring) -> None:
    vault = open_at(lambda: keyring)
    vault.set("A", "hunter2")
    vault.delete("A")
    assert keyring.content == {}
    assert vault.names() == []
    open_at(absent).set("B", "hunter2")
    open_at(absent).delete("B")
    assert open_at(absent).get("B") is None


def test_deleting_what_is_not_there_is_an_error_that_does_not_repeat_the_name(open_at: Open) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_at(absent).delete("xoxb_pasted_by_mistake")
    assert "xoxb" not in caught.value.message + caught.value.hint + caught.value.where


def test_a_value_in_a_locked_keyring_is_not_said_to_be_deleted(open_at: Open, keyring: FakeKeyring) -> None:
    vault = open_at(lambda: keyring)
    vault.set("A", "hunter2")
    keyring.trouble = LOCKED
    with pytest.raises(ConfigError, match="it is locked"):
        vault.delete("A")
    assert [info.name for info in vault.names()] == ["A"]


def test_names_are_sorted_and_show_no_value(open_at: Open, keyring: FakeKeyring) -> None:
    open_at(absent).set("B", "hunter2")
    open_at(lambda: keyring).set("A", "hunter2")
    infos = open_at(absent).names()
    assert [(info.name, info.store.value) for info in infos] == [("A", "keyring"), ("B", "file")]
    assert "hunter2" not in repr(infos)


def test_every_value_that_is_set_or_read_is_masked_from_then_on(open_at: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(redact, "register", seen.append)
    open_at(absent).set("A", "hunter2")
    assert seen == ["hunter2"]
    open_at(absent).get("A")
    assert seen == ["hunter2", "hunter2"]


def test_the_description_names_the_store_and_why_it_is_that_one(open_at: Open, keyring: FakeKeyring, tmp_path: Path) -> None:
    assert open_at(lambda: keyring).description == "OS keyring (fake)"
    description = open_at(absent).description
    assert f"encrypted file {tmp_path / 'secrets' / 'secrets.json'}" in description
    assert "key from the key file" in description
    assert "this machine has none" in description


def test_check_finds_nothing_when_all_can_be_read(open_at: Open, keyring: FakeKeyring) -> None:
    vault = open_at(lambda: keyring)
    vault.set("A", "hunter2")
    open_at(absent).set("B", "hunter2")
    assert vault.check() == []


def test_check_names_each_secret_that_cannot_be_read(open_at: Open, keyring: FakeKeyring) -> None:
    vault = open_at(lambda: keyring)
    for name in ("A", "B"):
        vault.set(name, "hunter2")
    del keyring.content["A"]
    assert [problem.where for problem in vault.check()] == ["A"]
    keyring.trouble = LOCKED
    assert [problem.where for problem in vault.check()] == ["A", "B"]


def test_check_tells_of_a_damaged_file_instead_of_failing(open_at: Open, tmp_path: Path) -> None:
    vault = open_at(absent)
    vault.set("A", "hunter2")
    (tmp_path / "secrets" / "secrets.json").write_text("{")
    assert ["is damaged" in problem.message for problem in vault.check()] == [True]


@pytest.mark.parametrize("name", ["A", "_", "slack_token", "SLACK_BOT_TOKEN_2", "A" * LONGEST_NAME])
def test_a_good_name_is_taken(open_at: Open, name: str) -> None:
    assert open_at(absent).set(name, "value").name == name


@pytest.mark.parametrize("name", ["", "2A", "A-B", "A.B", "A B", "A\n", "ÄPFEL", "xoxb-123", "../A", "A" * (LONGEST_NAME + 1)])
def test_a_bad_name_is_refused_without_repeating_it(open_at: Open, name: str) -> None:
    vault = open_at(absent)
    with pytest.raises(UsageError, match="no name for a secret") as caught:
        vault.set(name, "value")
    assert len(name) < 3 or name not in caught.value.message + caught.value.hint
    assert vault.names() == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "is empty"),
        ("hunter2\0", "NUL"),
        ("hunter2\ud800", "UTF-8"),
        ("hunter2" + "x" * MAX_VALUE, f"at most {MAX_VALUE}"),
        ("€" * (MAX_VALUE // 3 + 1), f"at most {MAX_VALUE}"),
    ],
)
def test_a_bad_value_is_refused_without_repeating_it(open_at: Open, value: str, reason: str) -> None:
    vault = open_at(absent)
    with pytest.raises(UsageError, match=reason) as caught:
        vault.set("A", value)
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert vault.names() == []


def test_the_largest_value_is_kept(open_at: Open) -> None:
    open_at(absent).set("A", "x" * MAX_VALUE)
    assert open_at(absent).get("A") == "x" * MAX_VALUE


def test_the_folder_and_the_keyring_come_from_the_environment(tmp_path: Path) -> None:
    environ = {"BUILDNET_SECRETS_DIR": str(tmp_path / "s"), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    assert open_vault(environ).set("A", "hunter2").store is Store.FILE
    assert open_vault(environ).get("A") == "hunter2"
    assert (tmp_path / "s" / "secrets.json").exists()
    assert "it is switched off" in open_vault(environ).description


def test_a_plaintext_keyring_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    environ = {"BUILDNET_SECRETS_DIR": str(tmp_path / "s"), "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring"}
    with pytest.raises(ConfigError, match="plain text"):
        open_vault(environ)
    assert not (tmp_path / "s").exists()
