"""How one secret is sealed: AES-256-GCM, bound to its name. Pure but for the random nonce."""

from __future__ import annotations

import hashlib
import os

KEY_BYTES = 32
SALT_BYTES = 16
_NONCE_BYTES = 12  # Source: NIST SP 800-38D, 8.2: 96 bits; drawn at random, good for 2^32 seals under one key.


class BrokenSealError(Exception):
    """The key is another one, the name is another one, or the sealed bytes were changed; which of them, nobody can tell."""


def stretch(passphrase: bytes, salt: bytes) -> bytes:
    """A 32-byte key from text of any length, by scrypt (2^15, 8, 1): about 0.1 s and 32 MiB for each guess."""
    return hashlib.scrypt(passphrase, salt=salt, n=1 << 15, r=8, p=1, maxmem=64 << 20, dklen=KEY_BYTES)


def seal(key: bytes, name: str, text: str) -> bytes:
    """The nonce, then the sealed text with its tag. The name is authenticated, so that entries cannot be swapped."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound_to(name))


def unseal(key: bytes, name: str, sealed: bytes) -> str:
    """The text that was sealed under this key and name. Raises BrokenSealError for any other."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, _bound_to(name)).decode()
    except (InvalidTag, ValueError) as exc:  # ValueError: cut so short that there is no whole nonce
        raise BrokenSealError from exc


def _bound_to(name: str) -> bytes:
    return f"buildnet-notify/secret/1:{name}".encode()
