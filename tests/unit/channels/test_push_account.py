"""Service accounts: what is none says so, what is one signs as Google asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from buildnet_cli.channels.push.account import read_account
from buildnet_cli.errors import ConfigError

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
GOOD: dict[str, Any] = {
    "type": "service_account",
    "project_id": "p",
    "private_key_id": "abc",
    "private_key": PEM,
    "client_email": "notify@p.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def test_the_assertion_says_who_asks_for_what_and_until_when() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    account = read_account(json.dumps(GOOD))
    signed = account.assertion(now)
    assert jwt.get_unverified_header(signed) == {"alg": "RS256", "typ": "JWT", "kid": "abc"}
    claims = jwt.decode(signed, KEY.public_key(), algorithms=["RS256"], audience=GOOD["token_uri"])
    assert claims == {
        "iss": GOOD["client_email"],
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": GOOD["token_uri"],
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
    }
    assert PEM not in repr(account)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not of a service account"),
        (json.dumps({"project_info": {}, "client": []}), "not of a service account"),
        (json.dumps({**GOOD, "private_key": ""}), "lacks private_key"),
        (json.dumps({**GOOD, "client_email": None, "token_uri": 3}), "lacks client_email and token_uri"),
        (json.dumps({**GOOD, "token_uri": "http://oauth2.example.com/token"}), "no https address"),
        (json.dumps({**GOOD, "token_uri": "file:///etc/passwd"}), "no https address"),
    ],
)
def test_what_is_no_service_account_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        read_account(text)
    assert caught.value.hint
    assert PEM[30:60] not in str(caught.value)


@pytest.mark.parametrize("key", ["nonsense " * 20, PEM[:200], PEM.replace("A", "!")])
def test_a_key_that_is_none_is_told_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigError, match="private key") as caught:
        read_account(json.dumps({**GOOD, "private_key": key})).assertion(datetime.now(UTC))
    assert key[30:60] not in f"{caught.value}{caught.value.hint}"
    assert caught.value.__suppress_context__
