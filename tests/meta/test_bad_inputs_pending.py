"""The bad inputs wait for nothing that is built, and none of them gets lost."""

from __future__ import annotations

from collections import Counter

from tests.support.bad_inputs import groups, pending

MAY_WAIT = {"PATH-020", "EVT-028", "EVT-031", "PROV-051", "PROV-053", "PROV-055", "PROV-056"}
"""The most that may be pending. An id leaves this set when its part arrives; none is ever added."""

CASES = {
    "config_yaml": 82,
    "timezones": 12,
    "cron": 12,
    "phone_numbers": 13,
    "paths": 15,
    "cli": 13,
    "templates": 12,
    "events": 26,
    "provider_answers": 35,
    "huge_inputs": 7,
    "state_files": 13,
    "crlf_injection": 25,
    "ssrf_urls": 11,
}


def test_the_list_of_pending_cases_only_shrinks() -> None:
    assert pending().keys() <= MAY_WAIT
    assert all(pending().values())


def test_no_case_gets_lost() -> None:
    assert groups() >= Counter(CASES)
