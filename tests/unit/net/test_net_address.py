"""Which hosts may be reached, however they are spelled."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.net.address import is_private, is_private_host, leads_astray, read_address

PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fc00::1", "fd12::1"),
    *("fe80::1", "fec0::1", "ff02::1", "5f00::1"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2001:4860:4860::8888"),
    *("::ffff:8.8.8.8", "64:ff9b::808:808"),
]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_leads_to_no_public_host_is_private(text: str) -> None:
    assert is_private(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_not(text: str) -> None:
    assert not is_private(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(address: ipaddress.IPv4Address) -> None:
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_private(ipaddress.ip_address(wrapped)) == is_private(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0x7F000001", "127.1", "017700000001", "127.0.1"])
def test_every_spelling_of_loopback_is_recognised(host: str) -> None:
    assert read_address(host) == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "1.2.3.4.5", "localhost", "", "0x", "face.de", "127.0.0.1 x"])
def test_a_name_is_no_address(host: str) -> None:
    assert read_address(host) is None


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "app.localhost", "jenkins", "ci.local", "ci.corp", "x.home.arpa", "[::1]", "10.1.2.3", "0x7f.1"],
)
def test_plain_http_may_stay_in_house(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize(
    "host", ["", ".", "example.com", "localhost.example.com", "8.8.8.8", "evil-local.com", "xlan.de", "127.0.0.1.example.com"]
)
def test_a_host_that_may_be_public_is_not_in_house(host: str) -> None:
    assert not is_private_host(host)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", False),
        ("https://a.example:443/x?y=z@w", False),
        ("http://a.example:8080/", False),
        ("https://a.example:22/", True),
        ("https://a.example:25/", True),
        ("https://a.example:99999/", True),
        ("https://user@a.example/", True),
        ("https://evil.example#@hooks.slack.com/", True),
        ("https://evil.example\\@hooks.slack.com/", True),
        ("https://[::1/", True),
    ],
)
def test_a_url_from_elsewhere_is_what_it_seems(url: str, expected: bool) -> None:
    assert leads_astray(url) is expected
