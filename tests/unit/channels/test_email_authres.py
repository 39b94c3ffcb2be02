"""The findings of our own mail server, told from those that a sender wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.email.authres import results


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("mx.test; spf=pass smtp.mailfrom=example.com", {"spf": "pass"}),
        ("mx.test 1; spf=PASS", {"spf": "pass"}),
        ("MX.TEST; none", {}),
        ("mx.test", {}),
        ('"mx.test"; dmarc=fail', {"dmarc": "fail"}),
        ("mx.test (our; own=pass (server)); spf=pass (a; dmarc=pass); dmarc=fail", {"spf": "pass", "dmarc": "fail"}),
        ('mx.test; spf=fail reason="x; dmarc=pass"; dmarc=none', {"spf": "fail", "dmarc": "none"}),
        ('mx.test; spf=fail reason="a \\"; dmarc=pass"', {"spf": "fail"}),
        ("mx.test; dkim=pass header.d=a.test; dkim=fail header.d=b.test", {"dkim": "pass"}),
        ("mx.test; dkim/1 = pass", {"dkim": "pass"}),
        ("mx.test.evil; spf=pass", {}),
        ("evil; mx.test; spf=pass", {}),
        ("mx.test evil; spf=pass", {}),
        ("", {}),
    ],
)
def test_results_are_read_by_method(field: str, found: dict[str, str]) -> None:
    assert results([field], "mx.test") == found


def test_the_topmost_field_of_the_server_counts_and_others_do_not() -> None:
    fields = ["evil.test; spf=pass", "mx.test; spf=fail", "mx.test; spf=pass; dmarc=pass"]
    assert results(fields, "mx.test") == {"spf": "fail"}


def test_nothing_is_believed_while_no_server_is_named() -> None:
    assert results(["; spf=pass", '""; spf=pass', "mx.test; spf=pass"], "") == {}


@given(st.text(alphabet='mx.test;= ()"\\\tspfa', max_size=200))
def test_any_text_is_read_without_an_error(field: str) -> None:
    assert all(value.isalpha() and value.islower() for value in results([field], "mx.test").values())
