"""A request is Twilio's if its signature covers the URL and every field; anything else is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.sms.signature import HEADER, public_url, verified
from buildnet_cli.commands.inbound import ForgedError

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
REPEATED = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
BLANK = [
    ("ToCountry", "US"),
    *((name, "SM" + "0" * 31 + "1") for name in ("SmsMessageSid", "SmsSid", "MessageSid")),
    ("NumMedia", "0"),
    ("FromZip", ""),
    ("SmsStatus", "received"),
    ("Body", "BUILD api"),
    ("To", "+15005550006"),
    ("NumSegments", "1"),
    ("AccountSid", "AC" + "0" * 32),
    ("From", "+15005550010"),
    ("ApiVersion", "2010-04-01"),
]
SMS_URL = "https://build.example.com/api/notifications/sms/inbound"
FORM = "application/x-www-form-urlencoded"
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def check(url: str, pairs: list[tuple[str, str]], signature: str, token: str = TOKEN) -> dict[str, str]:
    return verified(token, url, {HEADER: signature, "content-type": FORM}, urlencode(pairs).encode())


def sign(url: str, pairs: list[tuple[str, str]] | None = None) -> str:
    covered = url + "".join(name + value for name, value in sorted(set(pairs or [])))
    return base64.b64encode(hmac.new(TOKEN.encode(), covered.encode(), hashlib.sha1).digest()).decode()


# The first are those of Twilio's own library.
@pytest.mark.parametrize(
    ("url", "pairs", "signature"),
    [
        (URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:443"), CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http").replace(".com", ".com:80"), CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (URL, REPEATED, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (SMS_URL, BLANK, "kX7VwC3dSs8bu4l7e/RB7k7oF44="),
    ],
)
def test_the_published_vectors_hold(url: str, pairs: list[tuple[str, str]], signature: str) -> None:
    assert check(url, pairs, signature)[pairs[0][0]] == pairs[0][1]


@pytest.mark.parametrize("called", [URL, URL.replace(".com", ".com:443")])
@pytest.mark.parametrize("signature", ["RSOYDt4T1cUTdK1PDd93/VVr8B8=", "kvajT1Ptam85bY51eRf/AJRuM3w="])
def test_a_default_port_may_be_signed_or_left_out(called: str, signature: str) -> None:
    check(called, CALL, signature)


def test_a_signature_without_the_blank_field_is_for_another_request() -> None:
    with pytest.raises(ForgedError):
        check(SMS_URL, BLANK, "zfQxWqr2vYYhhtl7rKi1sIP2d8A=")


def test_a_json_body_is_signed_through_its_hash() -> None:
    headers = {HEADER: "a9nBmqA0ju/hNViExpshrM61xv4=", "content-type": "application/json"}
    assert verified(TOKEN, JSON_URL, headers, JSON_BODY) == {"property": "value"}
    for url, body in ((JSON_URL, JSON_BODY + b" "), (URL, JSON_BODY), (JSON_URL + "&bodySHA256=00", JSON_BODY)):
        with pytest.raises(ForgedError):
            verified(TOKEN, url, {**headers, HEADER: sign(url)}, body)


def test_an_ipv6_address_keeps_its_brackets() -> None:
    check("https://[2001:db8::1]:8443/x", CALL, sign("https://[2001:db8::1]:8443/x", CALL))
    check("https://[2001:db8::1]/x", CALL, sign("https://[2001:db8::1]:443/x", CALL))


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@example.com/x",
        "https://user@example.com/x",
        "https://[/x",
        "ftp://example.com/x",
        "",
        "https://é.com/x",
    ],
)
def test_a_url_that_twilio_cannot_have_called_proves_nothing(url: str) -> None:
    with pytest.raises(ForgedError):
        check(url, CALL, sign(url, CALL))


@pytest.mark.parametrize("signature", ["", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "rsoyDt4T1cUTdK1PDd93/VVr8B8=", "é" * 28, "\ud800"])
def test_another_signature_is_refused(signature: str) -> None:
    with pytest.raises(ForgedError):
        check(URL, CALL, signature)


def test_without_a_token_nothing_is_proved() -> None:
    with pytest.raises(ForgedError):
        check(URL, CALL, base64.b64encode(hmac.new(b"", URL.encode(), hashlib.sha1).digest()).decode(), token="")


@settings(max_examples=1000)
@given(st.binary(max_size=300), st.text(max_size=40), st.sampled_from([FORM, "application/json", "", "text/plain"]))
def test_a_thousand_forged_requests_are_refused(body: bytes, signature: str, content_type: str) -> None:
    with pytest.raises(ForgedError):
        verified(TOKEN, JSON_URL, {HEADER: signature, "content-type": content_type}, body)


@given(st.integers(0, 10_000), st.sampled_from("+&=A1%\x00"))
def test_no_byte_of_a_signed_form_can_be_changed(place: int, char: str) -> None:
    body = bytearray(urlencode(CALL).encode())
    index = place % len(body)
    before = dict(CALL)
    body[index] = ord(char)
    try:
        found = verified(TOKEN, URL, {HEADER: sign(URL, CALL), "content-type": FORM}, bytes(body))
    except ForgedError:
        return
    assert found == before


def test_the_public_url_is_the_configured_one_with_the_query_as_it_came() -> None:
    assert public_url("https://builds.example.com/x/", "/api/a", "b=%20") == "https://builds.example.com/x/api/a?b=%20"
    assert public_url("https://builds.example.com", "/api/a") == "https://builds.example.com/api/a"
