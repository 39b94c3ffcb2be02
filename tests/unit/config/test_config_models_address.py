"""Phones, mail addresses, hosts, URLs and headers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from buildnet_cli.config.address import Domain, Email, Headers, Host, Mailbox, Phone, Route, split_url
from tests.support.config_models import configured, refusal, with_channels

PHONE: TypeAdapter[str] = TypeAdapter(Phone)
EMAIL: TypeAdapter[str] = TypeAdapter(Email)
MAILBOX: TypeAdapter[str] = TypeAdapter(Mailbox)


@pytest.mark.parametrize(
    "phone",
    [
        "00447700900123",
        "+",
        "",
        "+0123456789",
        "+1" + "9" * 300,
        "+1234567890123456",
        "+123456",
        "+1-800-FLOWERS",
        "+19876543210;ext=5",
        "tel:+19876543210",
        "+1987654\u202e3210",
        "+19876543210\n",
        "\n+19876543210",
        "+１９８７６５４３２１０",
        "+1987\u00a06543210",
        "++19876543210",
        "19876543210",
        19876543210,
        None,
        ["+19876543210"],
    ],
)
def test_what_is_no_phone_number_is_refused_with_the_form_it_needs(phone: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        PHONE.validate_python(phone)
    assert "phone number" in str(caught.value)
    assert "E.164" in str(caught.value)
    assert "15 digits" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+1 (987) 654-3210", "+19876543210"),
        ("+44 7700.900123", "+447700900123"),
        ("+1234567890", "+1234567890"),
        ("+1555123456", "+1555123456"),
    ],
)
def test_a_phone_number_is_taken_without_its_punctuation(written: str, stored: str) -> None:
    assert PHONE.validate_python(written) == stored


@given(st.text(alphabet=st.characters(), max_size=40))
def test_whatever_is_taken_as_a_phone_number_is_a_plus_and_7_to_15_ascii_digits(text: str) -> None:
    try:
        number = PHONE.validate_python(text)
    except ValidationError:
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert 7 <= len(number) - 1 <= 15


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a@b@c",
        "a b@example.com",
        "a@exa mple.com",
        "a@-x.com",
        "a..b@example.com",
        "a@example.com, b@example.com",
        "<a@example.com>",
        "a@example.com\u202e",
        "x" * 65 + "@example.com",
        7,
        None,
    ],
)
def test_what_is_no_mail_address_is_refused(address: Any) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(address)


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: evil@x.test", "a@example.com\n", "a@example.com\u2028b"])
def test_a_mail_address_with_a_line_break_is_refused_for_that(address: str) -> None:
    with pytest.raises(ValidationError, match="a line break"):
        EMAIL.validate_python(address)
    with pytest.raises(ValidationError, match="a line break"):
        MAILBOX.validate_python(f"BuildNet <{address}>")


@pytest.mark.parametrize(
    ("written", "stored"), [("Dev.Ops+x@Example.COM", "Dev.Ops+x@example.com"), ("root@localhost", "root@localhost")]
)
def test_a_mail_address_keeps_its_name_and_folds_its_domain(written: str, stored: str) -> None:
    assert EMAIL.validate_python(written) == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("BuildNet <buildnet@example.com>", "BuildNet <buildnet@example.com>"),
        ("buildnet@example.com", "buildnet@example.com"),
        ("<buildnet@example.com>", "buildnet@example.com"),
        ('"Build, Net" <b@example.com>', '"Build, Net" <b@example.com>'),
        ("Büro Köln <b@example.com>", "Büro Köln <b@example.com>"),
        ("", ""),
    ],
)
def test_a_sender_may_have_a_name(written: str, stored: str) -> None:
    assert MAILBOX.validate_python(written) == stored
    assert MAILBOX.validate_python(stored) == stored


@pytest.mark.parametrize("sender", ["BuildNet", "a <b>", "A, B <b@example.com>", "x <a@example.com> y", 'a" <a@example.com>'])
def test_a_sender_that_mail_could_misread_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError):
        MAILBOX.validate_python(sender)


def test_a_domain_is_taken_with_or_without_its_at_sign() -> None:
    domain: TypeAdapter[str] = TypeAdapter(Domain)
    assert domain.validate_python("@Example.com") == "example.com"
    for wrong in ("com", "a b.com", "*.example.com", ""):
        with pytest.raises(ValidationError, match="is no domain"):
            domain.validate_python(wrong)


# Hosts and URLs


@pytest.mark.parametrize(
    "host", ["mail example", "a..b", "0", "0x7f.1", "017700000001", "1.2.3", "fe80::1%eth0", "host:25", "http://x", "-a"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Host)
    with pytest.raises(ValidationError, match="is no host"):
        adapter.validate_python(host)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/x",
        "https:///path",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://example.com:port/",
        "https://[::1/",
        "https://user:pass@example.com/",
        "https://evil.test#@hooks.slack.com/",
        "https://0x7f.1/x",
        "https://0/x",
        "https://[fe80::1%25eth0]/x",
        "https://exa mple.com/",
        "https://example.com\\@evil.test/",
        "https://example.com/\r\nX: y",
        "https://bücher.example/",
        "//example.com/x",
        "https:example.com",
        "",
        "  https://example.com",
    ],
)
def test_a_url_that_cannot_safely_be_called_is_refused_without_its_path(url: str) -> None:
    error = refusal("notifications.channels.webhooks", [{"name": "x", "url": url + "SECRET-PATH" if url else url}])
    assert error.startswith("notifications.channels.webhooks[0].url: ")
    assert "SECRET-PATH" not in error


@pytest.mark.parametrize(
    "url", ["https://h.test/", "HTTPS://h.test:8443/x?y=1", "https://[2001:db8::1]:443/", "https://xn--bcher-kva.example/"]
)
def test_an_ordinary_url_is_taken(url: str) -> None:
    assert with_channels(webhooks=[{"name": "x", "url": url}]).notifications.enabled_channels() == ("webhook",)


@given(st.text(max_size=60))
def test_a_url_that_is_taken_has_a_host_and_a_port_that_can_be_connected_to(text: str) -> None:
    try:
        parts = split_url("https://" + text)
    except ValueError:
        return
    assert parts.hostname
    assert parts.port is None or 0 < parts.port <= 65535


def test_plain_http_to_a_public_host_needs_an_explicit_switch() -> None:
    public = {"name": "x", "url": "http://hooks.example.com/x"}
    error = refusal("notifications.channels.webhooks", [public])
    assert error.startswith("notifications.channels.webhooks[0].url: ")
    assert "https" in error
    assert "allow_insecure" in error
    assert (
        with_channels(webhooks=[{**public, "allow_insecure": True}]).notifications.channels.webhooks[0].host
        == "hooks.example.com"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://10.1.2.3/x", "http://alertmanager:9093/x"])
def test_plain_http_to_a_private_host_is_taken(url: str) -> None:
    assert with_channels(webhooks=[{"name": "x", "url": url}]).notifications.channels.webhooks


def test_a_base_url_loses_its_final_slash_and_may_be_empty() -> None:
    assert configured("engine.url", "http://127.0.0.1:9876/").engine.url == "http://127.0.0.1:9876"
    assert configured("engine.url", "").engine.url == ""
    assert "https" in refusal("engine.url", "http://builds.example.com")


@pytest.mark.parametrize("route", ["api/x", "https://example.com/x", "/a b", "/x?y=1", "/", "", "/a//b"])
def test_a_route_is_a_path_of_our_own(route: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Route)
    with pytest.raises(ValidationError, match="is no route"):
        adapter.validate_python(route)


# Headers


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-A\r\nX-B": "1"}, ["header", "\\r\\n"]),
        ({"X-A": "1\r\nX-B: 2"}, ["X-A", "line break"]),
        ({"X-A": "1\0"}, ["X-A", "NUL"]),
        ({"X-Ünïcode": "é"}, ["header", "ASCII"]),
        ({"X-A": "é"}, ["X-A", "ASCII"]),
        ({"X A": "1"}, ["header"]),
        ({"": "1"}, ["header"]),
        ({1: "1"}, ["header"]),
        ({"X-A": None}, ["X-A", "text"]),
        ({"X-A": True}, ["X-A", "text"]),
        ({"X-A": "1", "x-a": "2"}, ["twice"]),
        ({"Host": "evil.test"}, ["Host", "leave it out"]),
        (["X-A: 1"], ["mapping"]),
    ],
)
def test_a_header_that_could_break_a_request_is_refused(headers: Any, expected: list[str]) -> None:
    error = refusal("notifications.channels.webhooks", [{"name": "x", "url": "https://h.test/", "headers": headers}])
    assert ".headers: " in error
    assert all(part in error for part in expected)


def test_a_header_value_may_be_a_number_and_is_kept_secret() -> None:
    headers = TypeAdapter(Headers).validate_python({"X-Version": 2, "Content-Type": "application/json"})
    assert headers["X-Version"].get_secret_value() == "2"
    assert "json" not in repr(headers)
