"""Standard Webhooks signatures."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest

from buildnet_cli.channels.webhook.sign import signature_headers, timestamp_of

# Source: the test of the official libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, MOMENT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_official_vector_comes_out() -> None:
    assert signature_headers(SECRET, ID, MOMENT, BODY) == {"webhook-signature": SIGNATURE}
    assert timestamp_of(MOMENT) == "1614265330"


def test_the_prefix_may_be_left_out() -> None:
    assert signature_headers(SECRET.removeprefix("whsec_"), ID, MOMENT, BODY) == {"webhook-signature": SIGNATURE}


def test_the_zone_of_the_time_does_not_matter() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=-5)))
    assert signature_headers(SECRET, ID, elsewhere, BODY) == {"webhook-signature": SIGNATURE}


@pytest.mark.parametrize(
    ("delivery_id", "moment", "body"),
    [("msg_other", MOMENT, BODY), (ID, MOMENT + timedelta(seconds=1), BODY), (ID, MOMENT, BODY + b" ")],
)
def test_id_time_and_body_are_all_signed(delivery_id: str, moment: datetime, body: bytes) -> None:
    assert signature_headers(SECRET, delivery_id, moment, body) != {"webhook-signature": SIGNATURE}


@pytest.mark.parametrize("secret", ["correct horse battery staple", "whsec_short", "c2hvcnQ=", "ünïcode secret", "whsec_%%%"])
def test_a_secret_that_is_no_base64_key_is_taken_as_it_is(secret: str) -> None:
    again = base64.b64encode(secret.encode()).decode() if len(secret.encode()) >= 24 else None
    signed = signature_headers(secret, ID, MOMENT, BODY)
    assert signed["webhook-signature"].startswith("v1,")
    if again is not None:
        assert signature_headers(again, ID, MOMENT, BODY) == signed
