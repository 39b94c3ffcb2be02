"""The rule for skipping: a test may be skipped on somebody's own machine, never where CI=true, unless it needs a privilege.

A test that needs a privilege says so by `needs_privilege` and names it when it skips; the end of the run lists and counts them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator

import pytest

from tests.support.programs import PROGRAMS

PRIVILEGE = "needs_privilege"


def needs_program(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program of PROGRAMS is not installed."""
    package = PROGRAMS[program]
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed (apt-get install {package})")


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def _refuse(report: pytest.TestReport | pytest.CollectReport, reason: str) -> None:
    report.outcome = "failed"
    report.longrepr = f"skipped, and CI=true allows no skips: {reason}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where_and_why = report.longrepr
    return where_and_why[2].removeprefix("Skipped: ") if isinstance(where_and_why, tuple) else str(where_and_why)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    is_expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not is_expected_failure and _is_ci() and item.get_closest_marker(PRIVILEGE) is None:
        _refuse(report, _reason(report))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and _is_ci():
        _refuse(report, _reason(report))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if PRIVILEGE in report.keywords]
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} skipped for want of a privilege")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {_reason(report)}")
