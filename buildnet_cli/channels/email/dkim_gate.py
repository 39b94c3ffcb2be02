"""Whether a mail was written by who it says, by its DKIM signature. Pure; the key comes from a look-up that it is handed.

A valid signature is not yet a proof: anybody can sign with a domain of their own, leave the subject out, or sign the first
lines of a body only. What is demanded beyond validity is in `_check_claim` and `_check_key`.

Source: RFC 6376, RFC 8301 (no SHA-1, no key below 1024 bits), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from buildnet_cli.channels.email.encoded import MALFORMED
from buildnet_cli.channels.email.headers import RawMail
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import UnreachableError

LookUp = Callable[[str], bytes | None]
"""The TXT record of a name; None if it has none, or more than one. Raises DnsFaultError."""

_MOST_SIGNATURES = 10
_SMALLEST_KEY = 1024
# An RSA key of 8192 bits has 1,400 characters. A larger one is no key but a way to keep us busy.
_LONGEST_RECORD = 1_500
# Signatures that list every field of a busy mail stay below it.
_LONGEST_SIGNATURE = 4_096
# The library's time grows with the square of the blanks in a row: 60,000 of them in a body take four seconds, a megabyte minutes.
_LONGEST_BLANK = 200

_SIGNED: Final = frozenset({"from", "subject", "to", "date", "message-id"})
_KEY_OF: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
_SELECTOR = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*", re.IGNORECASE)


class DnsFaultError(UnreachableError):
    """The key could not be asked for: the mail is neither proved nor refused, and is to be tried again."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that proves who wrote a mail.

    signed: the fields that it covers, in lower case. bits: of the key.
    """

    domain: str
    selector: str
    algorithm: str
    bits: int
    signed: frozenset[str]


def proof_of(mail: RawMail, domain: str, now: datetime, look_up: LookUp) -> Signature:
    """The first signature that proves that the mail is from the domain.

    Raises ForgedError if there is none; DnsFaultError if none of them does, but one could not be checked.
    """
    values = mail.all("dkim-signature")
    if len(values) > _MOST_SIGNATURES:
        raise ForgedError(f"the mail has {len(values)} signatures; at most {_MOST_SIGNATURES} are looked at")
    if b" " * _LONGEST_BLANK in mail.wire.replace(b"\t", b" "):
        raise ForgedError(f"the mail holds {_LONGEST_BLANK} blanks in a row or more")
    fault: DnsFaultError | None = None
    reasons = []
    for index, value in enumerate(values):
        try:
            return _verified(mail, index, value, domain, now, look_up)
        except ForgedError as error:
            reasons.append(error.message)
        except DnsFaultError as error:
            fault = error
    if fault is not None:
        raise fault
    raise ForgedError(f"no signature proves that the mail is from {domain}: {'; '.join(reasons) or 'it has none'}")


def _verified(mail: RawMail, index: int, value: str, domain: str, now: datetime, look_up: LookUp) -> Signature:
    if len(value) > _LONGEST_SIGNATURE or " " * _LONGEST_BLANK in value.replace("\t", " "):
        raise ForgedError("the signature is too long")
    claim = _tags(value, "signature")
    signed = _check_claim(claim, domain, now)
    name = f"{claim['s']}._domainkey.{claim['d']}"
    record = look_up(name)
    if not record or len(record) > _LONGEST_RECORD:
        raise ForgedError(f"{name} holds no key")
    try:
        _check_key(_tags(record.decode("ascii"), "key"), claim)
    except UnicodeDecodeError as error:
        raise ForgedError(f"{name} holds no key") from error
    bits = _verify(mail, index, {f"{name}.".encode(): record})
    return Signature(domain, claim["s"], claim["a"], bits, signed)


def _check_claim(claim: Mapping[str, str], domain: str, now: datetime) -> frozenset[str]:
    """What a signature says of itself, before anybody is asked for its key; the fields it covers."""
    signed = frozenset(name.strip().lower() for name in claim.get("h", "").split(":"))
    expires = claim.get("x", "")
    flaws = {
        "it is of another domain": claim.get("d", "").lower() != domain,
        "its algorithm is not taken": claim.get("a") not in _KEY_OF,
        "it covers a part of the body only": "l" in claim,
        f"it does not cover {' and '.join(sorted(_SIGNED - signed))}": not signed >= _SIGNED,
        "its selector is none": not _SELECTOR.fullmatch(claim.get("s", "")) or len(claim["s"]) > 120,
        "it has expired": bool(expires) and not (re.fullmatch("[0-9]{1,12}", expires) and int(expires) > now.timestamp()),
    }
    _refuse(flaws)
    return signed


def _check_key(key: Mapping[str, str], claim: Mapping[str, str]) -> None:
    """What a domain says of its key."""
    flags = _words(key.get("t", ""))
    _refuse(
        {
            "its key is for tests": "y" in flags,
            "its key was revoked": not key.get("p"),
            "its key is for another algorithm": key.get("k", "rsa") != _KEY_OF[claim["a"]],
            "its key is not for SHA-256": "h" in key and "sha256" not in _words(key["h"]),
            "its key is not for mail": not _words(key.get("s", "*")) & {"*", "email"},
            "its key is not for subdomains": "s" in flags
            and claim.get("i", "@" + claim["d"]).rpartition("@")[2].lower() != claim["d"].lower(),
        }
    )


def _refuse(flaws: Mapping[str, bool]) -> None:
    if found := [flaw for flaw, is_so in flaws.items() if is_so]:
        raise ForgedError(", ".join(found))


def _verify(mail: RawMail, index: int, records: Mapping[bytes, bytes]) -> int:
    """Check the signature itself; the bits of its key."""
    import dkim

    try:
        verifier = dkim.DKIM(mail.wire, minkey=_SMALLEST_KEY)
        is_valid = verifier.verify(idx=index, dnsfunc=lambda name, timeout=0: records.get(name))
    except (dkim.DKIMException, *MALFORMED) as error:
        raise ForgedError("it is malformed, its key is too short, or the mail was changed") from error
    if not is_valid:
        raise ForgedError("the mail was changed, or it was made with another key")
    return int(verifier.keysize)


def _tags(text: str, what: str) -> dict[str, str]:
    """`a=b; c=d` as a mapping."""
    from dkim.util import InvalidTagValueList, parse_tag_value

    try:
        return {name.decode(): value.decode() for name, value in parse_tag_value(text.encode()).items()}
    except InvalidTagValueList as error:
        raise ForgedError(f"the {what} is malformed") from error


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(":")}
