"""The rule for skipping, tried on small suites of its own."""

from __future__ import annotations

import pytest

SUITE = """
    import pytest

    def test_an_ordinary_one():
        pytest.skip("no zsh")

    @pytest.mark.needs_privilege
    def test_a_privileged_one():
        pytest.skip("needs CAP_NET_ADMIN")

    @pytest.mark.xfail
    def test_an_expected_failure():
        assert False
"""


def run(pytester: pytest.Pytester, suite: str = SUITE) -> pytest.RunResult:
    pytester.makeini("[pytest]\nmarkers = needs_privilege: needs a capability\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(suite)
    return pytester.runpytest_inprocess("-p", "tests.support.skips", "-p", "no:xdist")


def test_on_a_machine_of_ones_own_a_skip_is_only_a_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    run(pytester).assert_outcomes(skipped=2, xfailed=1)


def test_in_ci_a_skip_is_a_failure_that_says_why(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester)
    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*skipped, and CI=true allows no skips: no zsh"])


def test_in_ci_a_missing_privilege_is_named_and_counted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    run(pytester).stdout.fnmatch_lines(["*1 skipped for want of a privilege*", "*test_a_privileged_one: needs CAP_NET_ADMIN"])


def test_in_ci_a_whole_file_is_not_skipped_either(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    run(pytester, "import pytest; pytest.importorskip('a_library_that_is_not_here')").assert_outcomes(errors=1)
