"""Scheduled reports, packages, and the agent."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.config.root import Config
from tests.support.config_models import configured, refusal

DAILY = {"name": "Daily", "cron": "0 9 * * *"}


def test_a_report_may_go_to_any_channel() -> None:
    recipients = ["email:Team@Example.com", "slack:#builds", "webhooks:Monitoring"]
    (report,) = configured("reports.scheduled", [{**DAILY, "recipients": recipients}]).reports.scheduled
    assert report.recipients == ("email:Team@example.com", "slack:#builds", "webhook:Monitoring")


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("team@example.com", "CHANNEL:WHO"),
        ("email:", "CHANNEL:WHO"),
        ("mail:a@example.com", "email"),
        ("email:a@b@c", "e-mail address"),
    ],
)
def test_a_report_to_nobody_is_refused(recipient: str, expected: str) -> None:
    error = refusal("reports.scheduled", [{**DAILY, "recipients": [recipient]}])
    assert "scheduled[0].recipients[0]: " in error
    assert expected in error


def test_two_reports_of_one_name_are_refused() -> None:
    assert "name of its own" in refusal("reports.scheduled", [DAILY, {**DAILY, "name": "daily"}])


def test_a_report_runs_in_its_own_zone_else_in_the_common_one() -> None:
    reports = configured(
        "reports", {"timezone": "Europe/Berlin", "scheduled": [DAILY, {**DAILY, "name": "b", "timezone": "Asia/Tokyo"}]}
    ).reports
    assert [reports.zone_of(report) for report in reports.scheduled] == ["Europe/Berlin", "Asia/Tokyo"]


@pytest.mark.parametrize("key", ["type", "formats"])
def test_an_unknown_kind_of_report_is_refused(key: str) -> None:
    path, value = {
        "type": ("reports.scheduled", [{**DAILY, "type": "sumary"}]),
        "formats": ("reports.storage.formats", ["docx"]),
    }[key]
    assert "must be one of" in refusal(path, value)


def test_reports_are_kept_for_90_days_as_html_by_default() -> None:
    storage = Config().reports.storage
    assert (storage.path, storage.retention_days, storage.formats) == (".buildnet/reports", 90, ("html",))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "a b"}, "name: "),
        ({"name": ""}, "name: "),
        ({"build_cmd": ""}, "build_cmd: "),
        ({"path": "a\nb"}, "path: "),
        ({"dependencies": ["a b"]}, "dependencies[0]: "),
        ({"timeout_secs": -1}, "timeout_secs: "),
    ],
)
def test_a_package_that_cannot_be_built_is_refused(change: dict[str, Any], place: str) -> None:
    package = {"name": "@team/api", "path": "packages/api", "build_cmd": "make", **change}
    assert f"packages[0].{place}" in refusal("packages", [package])


def test_a_package_needs_a_name_a_folder_and_a_command() -> None:
    error = refusal("packages", [{}])
    assert all(f"packages[0].{key}: Field required" in error for key in ("name", "path", "build_cmd"))
