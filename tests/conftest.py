"""What holds for every test: the rule for skipping, and that no test knows the secrets of another."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

from buildnet_cli import redact

# How long an example takes says more of the machine than of us; what must be fast is measured in bench/.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

pytest_plugins = ["tests.support.skips", "pytester"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    redact._shared = redact.Redactor()


def pytest_configure() -> None:
    """Signals that whoever started us ignores would be ignored by every program under test as well."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
