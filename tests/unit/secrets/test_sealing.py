"""Sealed text opens under its own key and name, and under nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.secrets.sealing import KEY_BYTES, BrokenSealError, seal, stretch, unseal

KEY = b"k" * KEY_BYTES
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_what_was_sealed_comes_back(text: str, key: bytes) -> None:
    assert unseal(key, "NAME", seal(key, "NAME", text)) == text


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert len({seal(KEY, "NAME", "text") for _ in range(100)}) == 100


def test_the_text_cannot_be_seen_in_its_sealed_form() -> None:
    assert b"hunter2" not in seal(KEY, "NAME", "hunter2" * 10)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, "NAME", "hunter2"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BrokenSealError):
        unseal(KEY, "NAME", bytes(sealed))


@given(st.integers(0, 34))
def test_a_cut_seal_is_noticed(length: int) -> None:
    sealed = seal(KEY, "NAME", "hunter2")
    with pytest.raises(BrokenSealError):
        unseal(KEY, "NAME", sealed[:length])


@pytest.mark.parametrize(("key", "name"), [(b"l" * KEY_BYTES, "NAME"), (KEY, "OTHER"), (KEY, "name"), (KEY, "")])
def test_another_key_or_another_name_opens_nothing(key: bytes, name: str) -> None:
    with pytest.raises(BrokenSealError):
        unseal(key, name, seal(KEY, "NAME", "hunter2"))


def test_stretching_gives_one_key_for_one_passphrase_and_salt() -> None:
    passphrase = b"a passphrase of more than 32 bytes"
    key = stretch(passphrase, b"salt")
    assert len(key) == KEY_BYTES
    assert stretch(passphrase, b"salt") == key
    assert stretch(passphrase, b"other salt") != key
    assert stretch(passphrase + b"!", b"salt") != key
