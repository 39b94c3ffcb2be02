"""Mails for the gate: written by hand, signed by dkimpy, and the keys of the domains that sign them."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from buildnet_cli.channels.email.dkim_gate import DnsFaultError
from buildnet_cli.channels.email.inbound import Admitted, Ignored, MailRules, read_mail

# The signer and the verifier of the library read the clock themselves.
NOW = datetime.now(UTC).replace(microsecond=0)
ADMIN = "admin@example.com"
OWN = "buildnet@example.com"
OUR_ID = "<dlv_0001@example.com>"
RULES = MailRules(own_addresses=frozenset({OWN}), authserv_id="mx.buildhost.test")
SIGNED: Sequence[bytes] = (b"from", b"subject", b"to", b"date", b"message-id", b"in-reply-to", b"content-type")


@dataclass(frozen=True)
class Key:
    """A key pair. private: as dkimpy takes it. record: what its domain publishes."""

    private: bytes
    record: bytes
    algorithm: bytes = b"rsa-sha256"


# 512 bits, which no library of today would make.
TINY_KEY = Key(
    b"""-----BEGIN RSA PRIVATE KEY-----
MIIBOwIBAAJBANuVqp21PS/ScV/BJA7t8lUXFUYTx5ppUP4C32APAibi/cl97tbP
tQTorRp4S0+Nj7VvymiAhpqRjJMMyyaDBLMCAwEAAQJBAMYRQ5wL/kwjq+ZuhkL9
OSitsJ/MebB7rPXiy3CPOSauz9MV59iOxLVhJAeRkrXv8ftH170+OIptV1XEz21G
EgECIQDzYOWyqJaPTUJcmO4Q/h4Rd00WEU199v4/O05TyAj7swIhAOb44X7CuTjS
tj2NcAtMmHBSyMss2eURxVjOItWcJVMBAiEAnPd1rdCFqk7N6iLICDWc9u7WzNDE
BeXy/J0nW2m8QXkCIDcMspIHzyWf8xeQklffFaYP1RO3yOcz6RlVaDAJW0wBAiAs
dpaUHvZRTT4D57+Rev1YzsoyOfidKN0ZWz5WNuXcmg==
-----END RSA PRIVATE KEY-----""",
    b"v=DKIM1; k=rsa; p="
    b"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANuVqp21PS/ScV/BJA7t8lUXFUYTx5ppUP4C32APAibi/cl9"
    b"7tbPtQTorRp4S0+Nj7VvymiAhpqRjJMMyyaDBLMCAwEAAQ==",
)


@functools.cache
def rsa_key(bits: int = 1024, name: str = "") -> Key:
    """A key of that size, 1024 bits or more; another one for each name."""
    private = rsa.generate_private_key(65537, bits)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public))


@functools.cache
def ed25519_key() -> Key:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    seed = private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return Key(base64.b64encode(seed), b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public), b"ed25519-sha256")


@dataclass
class Dns:
    """The records that look-ups find, by name. asked: every name, in order."""

    records: dict[str, bytes] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> bytes | None:
        self.asked.append(name)
        if self.is_down:
            raise DnsFaultError("nobody answers")
        return self.records.get(name)


def letter(
    sender: str = ADMIN,
    subject: str = "[BUILDNET] STATUS",
    body: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    date: datetime = NOW,
) -> bytes:
    """A mail without a signature."""
    fields = {
        "From": sender,
        "To": OWN,
        "Subject": subject,
        "Date": format_datetime(date),
        "Message-ID": "<1@example.com>",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{body}".encode()


def signed(
    raw: bytes,
    dns: Dns,
    *,
    domain: str = "example.com",
    key: Key | None = None,
    fields: Sequence[bytes] = SIGNED,
    length: bool = False,
    selector: str = "s1",
    publish: Callable[[bytes], bytes] = lambda record: record,
    tags: bytes = b"",
    algorithm: bytes = b"",
) -> bytes:
    """The mail with a signature on top, whose key `dns` knows from now on.

    publish: what becomes of the key's record. tags: those of the signature that are to differ, such as `x=1;t=0`.
    """
    key = key or rsa_key()
    signer = _Signer(raw, tags)
    header = signer.sign(
        selector.encode(),
        domain.encode(),
        key.private,
        signature_algorithm=algorithm or key.algorithm,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=list(fields),
        length=length,
    )
    dns.records[f"{selector}._domainkey.{domain}"] = publish(key.record)
    return bytes(header) + raw


def read(raw: bytes, dns: Dns, rules: MailRules = RULES) -> Admitted | Ignored:
    """Read a mail; the only one we ever sent is OUR_ID."""
    return read_mail(raw, rules, NOW, look_up=dns, is_ours=lambda message_id: message_id == OUR_ID)


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """Signs other tags than the library would."""

    def __init__(self, raw: bytes, tags: bytes) -> None:
        super().__init__(raw)
        self._tags = dict(tag.split(b"=", 1) for tag in tags.split(b";") if tag)

    def gen_header(self, fields: list[tuple[bytes, bytes]], *rest: object, **options: object) -> bytes:
        fields[:] = [*self._tags.items(), *(field for field in fields if field[0] not in self._tags)]
        return bytes(super().gen_header(fields, *rest, **options))
