"""Amazon's signatures, by its own published test suite."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from buildnet_cli.channels.email.sigv4 import signed_headers

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def signed(method: str, path: str, body: bytes = b"", **headers: str) -> dict[str, str]:
    return signed_headers(
        method,
        f"https://example.amazonaws.com{path}",
        body,
        {name.replace("_", "-"): value for name, value in headers.items()},
        access_key_id="AKIDEXAMPLE",
        secret_access_key=SECRET,
        region="us-east-1",
        service="service",
        now=NOW,
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "signature"),
    [
        ("GET", "/", b"", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "POST",
            "/",
            b"Param1=value1",
            {"Content_Type": "application/x-www-form-urlencoded"},
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            b"",
            {},
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "/", b"", {}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_a_request_is_signed_as_amazon_signs_it(
    method: str, path: str, body: bytes, headers: dict[str, str], signature: str
) -> None:
    given = signed(method, path, body, **headers)["authorization"]
    assert given.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=")
    assert given.endswith(f"Signature={signature}")


def test_temporary_credentials_sign_their_token_too() -> None:
    headers = signed_headers(
        "POST",
        "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails",
        b"{}",
        {"content-type": "application/json"},
        access_key_id="AKIDEXAMPLE",
        secret_access_key=SECRET,
        session_token="t0ken",
        region="eu-central-1",
        service="ses",
        now=NOW,
    )
    assert headers["x-amz-security-token"] == "t0ken"
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in headers["authorization"]


def test_the_secret_key_is_not_sent() -> None:
    assert SECRET not in str(signed("GET", "/"))
