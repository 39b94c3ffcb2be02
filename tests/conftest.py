"""What holds for every test: the rule for skipping, and that no test knows the secrets of another."""

from __future__ import annotations

import pytest

from buildnet_cli import redact

pytest_plugins = ["tests.support.skips", "pytester"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    redact._shared = redact.Redactor()
