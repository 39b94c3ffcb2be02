"""The key comes from the first place that has one, and only from places that others cannot read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from buildnet_cli import redact
from buildnet_cli.errors import ConfigError, StorageError
from buildnet_cli.secrets.master_key import CREDENTIAL, KEY_FILE, VARIABLE, KeySource, find_master_key, make_key_file

PASSPHRASE = "a-passphrase-of-32-characters-or-so"


def give_credential(tmp_path: Path, content: bytes, mode: int = 0o400) -> dict[str, str]:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / CREDENTIAL).write_bytes(content)
    (folder / CREDENTIAL).chmod(mode)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_without_any_key_there_is_none_and_none_is_made(tmp_path: Path) -> None:
    assert find_master_key(tmp_path, {}) is None
    assert list(tmp_path.iterdir()) == []


def test_the_credential_wins_over_the_environment_and_the_environment_over_the_file(tmp_path: Path) -> None:
    make_key_file(tmp_path)
    variable = {VARIABLE: PASSPHRASE}
    credential = give_credential(tmp_path, b"c" * 32)
    found = [find_master_key(tmp_path, environ) for environ in (credential | variable, variable, {})]
    assert [key.source for key in found if key is not None] == [KeySource.CREDENTIAL, KeySource.ENVIRONMENT, KeySource.KEY_FILE]


def test_a_credentials_folder_without_ours_is_passed_over(tmp_path: Path) -> None:
    assert find_master_key(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None


def test_a_line_break_at_the_end_of_a_credential_does_not_count(tmp_path: Path) -> None:
    key = find_master_key(tmp_path, give_credential(tmp_path, b"c" * 32 + b"\n"))
    assert key is not None
    assert key.material == b"c" * 32


def test_a_credential_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"open to every user.*0600"):
        find_master_key(tmp_path, give_credential(tmp_path, b"c" * 32, 0o444))


@pytest.mark.parametrize("text", ["", "short", "x" * 31])
def test_a_short_passphrase_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{VARIABLE} has {len(text)} characters; it needs 32 or more") as caught:
        find_master_key(tmp_path, {VARIABLE: text})
    assert not text or text not in caught.value.message


def test_a_short_credential_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has 31 characters"):
        find_master_key(tmp_path, give_credential(tmp_path, b"c" * 31))


def test_the_passphrase_is_masked_wherever_it_turns_up(tmp_path: Path) -> None:
    key = find_master_key(tmp_path, {VARIABLE: PASSPHRASE})
    assert PASSPHRASE not in redact.scrub(f"env: {PASSPHRASE}")
    assert PASSPHRASE not in repr(key)


def test_a_key_file_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    made = make_key_file(tmp_path)
    assert len(made.material) == 32
    assert find_master_key(tmp_path, {}) == made
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    with pytest.raises(StorageError):
        make_key_file(tmp_path)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="0600"):
        find_master_key(tmp_path, {})


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_file_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    make_key_file(tmp_path)
    (tmp_path / KEY_FILE).write_bytes(b"k" * length)
    with pytest.raises(ConfigError, match=f"has {length} bytes"):
        find_master_key(tmp_path, {})


def test_a_passphrase_is_stretched_with_the_salt_and_a_random_key_is_not(tmp_path: Path) -> None:
    passphrase = find_master_key(tmp_path, {VARIABLE: PASSPHRASE})
    assert passphrase is not None
    assert passphrase.with_salt(b"one") != passphrase.with_salt(b"two")
    made = make_key_file(tmp_path)
    assert made.with_salt(b"one") == made.material
