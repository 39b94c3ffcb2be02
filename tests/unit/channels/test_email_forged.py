"""Twenty-nine mails that claim to be the admin's and are not; the library that checks signatures takes several of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import dkim
import pytest

from buildnet_cli.channels.email.dkim_gate import DnsFaultError
from buildnet_cli.channels.email.inbound import Admitted, MailRules
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import UsageError
from tests.support.signed_mails import ADMIN, NOW, OUR_ID, SIGNED, TINY_KEY, Dns, ed25519_key, letter, read, rsa_key, signed

Forge = Callable[[Dns], bytes]


def without(name: bytes) -> tuple[bytes, ...]:
    return tuple(field for field in SIGNED if field != name)


def unpublished(record: bytes) -> bytes:
    return b"v=DKIM1; p="


# Whether each is a signature that the library itself calls valid.
DKIM_FORGERIES: dict[str, tuple[bool, Forge]] = {
    "by another domain": (True, lambda dns: signed(letter(), dns, domain="attacker.test")),
    "by a public suffix": (True, lambda dns: signed(letter(), dns, domain="com")),
    "by a domain below": (True, lambda dns: signed(letter(), dns, domain="mail.example.com")),
    "with a part of the body": (True, lambda dns: signed(letter(body="hello\r\n"), dns, length=True) + b"STOP\r\n"),
    "with a length that fits": (True, lambda dns: signed(letter(body="hello\r\n"), dns, length=True)),
    "with a second subject in front": (True, lambda dns: b"Subject: [BUILDNET] STOP\r\n" + signed(letter(), dns)),
    "without the subject": (
        True,
        lambda dns: signed(letter(), dns, fields=without(b"subject")).replace(b"STATUS", b"STOP"),
    ),
    "without the date": (True, lambda dns: signed(letter(), dns, fields=without(b"date"))),
    "without the receiver": (True, lambda dns: signed(letter(), dns, fields=without(b"to"))),
    "without the message id": (True, lambda dns: signed(letter(), dns, fields=without(b"message-id"))),
    "by a key for tests": (True, lambda dns: signed(letter(), dns, publish=lambda record: record + b"; t=y")),
    "by a revoked key": (False, lambda dns: signed(letter(), dns, publish=unpublished)),
    "by a key of 512 bits": (False, lambda dns: signed(letter(), dns, key=TINY_KEY)),
    "with SHA-1": (True, lambda dns: signed(letter(), dns, algorithm=b"rsa-sha1")),
    "after it expired": (
        True,
        lambda dns: signed(letter(), dns, tags=b"t=1;x=%d" % (NOW.timestamp() - 60)),
    ),
    "over another body": (False, lambda dns: signed(letter(body="hello"), dns).replace(b"hello", b"STOP!")),
    "by another key": (
        False,
        lambda dns: signed(letter(), dns, publish=lambda record: rsa_key(name="another").record),
    ),
}

FROM_FORGERIES = {
    "the address as a name": '"admin@example.com" <evil@x.test>',
    "two addresses": "admin@example.com, evil@x.test",
    "the address as an encoded name": "=?utf-8?q?admin=40example.com?= <evil@x.test>",
    "two addresses without a comma": "admin@example.com <evil@x.test>",
    "a quoted local part": '"<admin@example.com>"@evil.test',
    "the address as a comment": "evil@x.test (admin@example.com)",
    "a look-alike": "admin@examp\u217ce.com",
    "a longer domain": "admin@example.com.evil.test",
    "a tag": "admin+x@example.com",
    "a group": "undisclosed:;",
    "a route": "<@x.test:admin@example.com>",
    "an address within an address": "<admin@example.com><evil@x.test>",
}


@pytest.mark.parametrize("forged", DKIM_FORGERIES)
def test_a_mail_that_is_not_signed_in_every_part_is_refused(forged: str) -> None:
    _, forge = DKIM_FORGERIES[forged]
    dns = Dns()
    with pytest.raises(ForgedError):
        read(forge(dns), dns)


@pytest.mark.parametrize("forged", [name for name, (is_valid, _) in DKIM_FORGERIES.items() if is_valid])
def test_the_library_alone_would_take_it(forged: str) -> None:
    dns = Dns()
    raw = DKIM_FORGERIES[forged][1](dns)
    assert dkim.verify(raw, dnsfunc=lambda name, timeout: dns(name.decode().rstrip(".")))


@pytest.mark.parametrize("sender", FROM_FORGERIES.values(), ids=FROM_FORGERIES)
def test_a_sender_that_only_looks_like_the_admin_is_refused(sender: str) -> None:
    dns = Dns()
    with pytest.raises(ForgedError):
        read(signed(letter(sender), dns, domain="x.test"), dns)


@pytest.mark.parametrize("sender", [value for name, value in FROM_FORGERIES.items() if name not in ("a tag", "a longer domain")])
def test_nor_is_it_taken_where_nothing_needs_to_be_signed(sender: str) -> None:
    with pytest.raises(ForgedError):
        read(letter(sender), Dns(), MailRules(require_signed=False))


def test_there_are_29_forgeries() -> None:
    assert (len(DKIM_FORGERIES), len(FROM_FORGERIES)) == (17, 12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: re.sub(rb"From: [^\r]+", b"From: evil@example.com", raw), "changed"),
        (lambda raw: b"From: admin@example.com\r\n" + raw, "2 fields from"),
        (
            lambda raw: raw.replace(b"Content-Type: text/plain", b"Content-Type: text/html\r\nContent-Type: text/plain"),
            "2 fields",
        ),
        (lambda raw: raw.replace(b"Subject: ", b"Subject : "), "no field"),
        (lambda raw: raw.replace(b"Subject: ", b"X: 1\rSubject: [BUILDNET] STOP\r\nSubject: "), "lone carriage return"),
        (lambda raw: raw.replace(b"Subject: ", b"X: \0\r\nSubject: "), "null byte"),
        (lambda raw: b"From attacker Mon Jan  1 00:00:00 2026\r\n" + raw, "no field"),
        (lambda raw: b" X: folded at once\r\n" + raw, "no field"),
        (lambda raw: b"DKIM-Signature: v=1; a=rsa-sha256\r\n" * 500 + raw, "501 signatures"),
        (lambda raw: b"X: %s\r\n" % (b"x" * 16_400) + raw, "16384"),
        (lambda raw: b"X: y\r\n" * 14_000 + raw, "65536"),
    ],
)
def test_a_good_mail_that_was_touched_is_refused_and_says_why(change: Callable[[bytes], bytes], reason: str) -> None:
    dns = Dns()
    with pytest.raises(ForgedError, match=reason):
        read(change(signed(letter(), dns)), dns)


def test_a_mail_larger_than_is_read_is_refused_before_it_is_read() -> None:
    with pytest.raises(UsageError, match="at most 1048576"):
        read(b"x" * (1 << 20) + b"x", Dns())


@pytest.mark.parametrize("days", [-3, -1.01, 1.01])
def test_a_mail_of_another_day_is_refused(days: float) -> None:
    dns = Dns()
    with pytest.raises(ForgedError, match="24 hours"):
        read(signed(letter(date=NOW + timedelta(days=days)), dns), dns)


def test_dns_that_does_not_answer_neither_proves_nor_refuses() -> None:
    dns = Dns()
    raw = signed(letter(), dns)
    dns.is_down = True
    with pytest.raises(DnsFaultError):
        read(raw, dns)


def test_a_signature_of_another_domain_asks_nobody() -> None:
    dns = Dns(is_down=True)
    with pytest.raises(ForgedError):
        read(signed(letter(), dns, domain="attacker.test"), dns)
    assert dns.asked == []


@pytest.mark.parametrize(
    "record", [b"", b"k=rsa", b"p=\xff", b"v=DKIM2; p=x", b"p=AAAA", b"p=" + b"A" * 40_000, b"k=ed25519; p=AA=="]
)
def test_a_record_that_holds_no_key_proves_nothing(record: bytes) -> None:
    dns = Dns()
    with pytest.raises(ForgedError):
        read(signed(letter(), dns, publish=lambda _: record), dns)


@pytest.mark.parametrize(
    ("more", "tags"),
    [
        (b"; h=sha1", b""),
        (b"; s=tlsrpt", b""),
        (b"; s=other", b""),
        (b"; k=ed25519", b""),
        (b"; p=again", b""),
        (b"; v=DKIM2", b""),
        (b"; t=s", b"i=@ci.example.com"),
        (b"; n=" + b"x" * 1_500, b""),
        (b"", b"a=ed25519-sha256"),
        (b"", b"z=" + b"x" * 4_000),
        (b"", b"z=x" + b"\r\n " * 200 + b"x"),
    ],
)
def test_a_key_or_a_signature_for_something_else_proves_nothing(more: bytes, tags: bytes) -> None:
    dns = Dns()
    raw = signed(letter(), dns, tags=tags, publish=lambda record: record.partition(b"v=DKIM1; k=rsa; ")[2] + more)
    with pytest.raises(ForgedError):
        read(raw, dns)


def test_a_signature_for_a_name_below_the_domain_is_the_domains_own() -> None:
    dns = Dns()
    assert isinstance(read(signed(letter(), dns, tags=b"i=@ci.example.com"), dns), Admitted)


@pytest.mark.parametrize("blanks", [b" " * 1_000_000, b"\t " * 200])
def test_blanks_that_would_keep_the_verifier_busy_are_refused_unread(blanks: bytes) -> None:
    """The library needs the square of their number: many minutes for the first of these."""
    dns = Dns()
    with pytest.raises(ForgedError, match="blanks in a row"):
        read(signed(letter(body="x"), dns) + blanks + b"x", dns)


def test_a_good_signature_counts_among_bad_ones() -> None:
    dns = Dns()
    raw = signed(letter(), dns, selector="bad", publish=unpublished)
    admitted = read(signed(signed(raw, dns), dns, domain="list.test"), dns)
    assert isinstance(admitted, Admitted)
    assert admitted.signature is not None
    assert (admitted.signature.selector, admitted.signature.bits) == ("s1", 1024)


def test_ed25519_is_taken() -> None:
    dns = Dns()
    admitted = read(signed(letter(), dns, key=ed25519_key()), dns)
    assert isinstance(admitted, Admitted)
    assert admitted.signature is not None
    assert admitted.signature.algorithm == "ed25519-sha256"


def test_a_reply_whose_thread_is_not_signed_is_refused() -> None:
    dns = Dns()
    raw = signed(
        letter(subject="Re: lunch", body="stop\r\n", headers={"In-Reply-To": OUR_ID}), dns, fields=without(b"in-reply-to")
    )
    with pytest.raises(ForgedError, match="in-reply-to"):
        read(raw, dns)


def test_the_same_mail_is_the_same_by_whichever_signature() -> None:
    dns = Dns()
    once = signed(letter(), dns)
    twice = signed(once, dns, key=ed25519_key(), selector="s2")
    ids = {admitted.inbound.message_id for raw in (once, twice) if isinstance(admitted := read(raw, dns), Admitted)}
    assert ids == {f"{ADMIN} <1@example.com>"}
