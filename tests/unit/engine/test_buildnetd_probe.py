"""Whether the folder that a daemon tells is ours."""

from __future__ import annotations

from pathlib import Path

from buildnet_cli.engine.buildnetd.children import is_loopback
from buildnet_cli.engine.buildnetd.probe import is_same_folder


def test_a_folder_is_known_however_it_is_written() -> None:
    root = Path("/").resolve()
    assert is_same_folder(Path("/usr/.."), root)
    assert is_same_folder(root / ".", root)
    assert not is_same_folder(Path("/usr"), root)


def test_only_this_machine_s_own_addresses_are_loopback() -> None:
    assert is_loopback("http://127.0.0.1:9876")
    assert is_loopback("http://127.8.0.1:9876")
    assert is_loopback("http://[::1]:9876")
    assert is_loopback("http://localhost:9876")
    assert not is_loopback("http://10.0.0.7:9876")
    assert not is_loopback("http://localhost.example.com")
    assert not is_loopback("http://")
