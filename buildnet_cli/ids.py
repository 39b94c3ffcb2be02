"""Identifiers: a prefix that says of what, then text that sorts by time."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A fresh id such as `evt_01j9z…`: 48 bits of milliseconds, then 80 bits that only grow within one millisecond.

    prefix: one of evt, dlv, req, build, run, rpt, inc, mute, node.
    """
    global _last
    moment = time.time_ns() // 1_000_000
    with _lock:
        # Two ids of one millisecond, or a clock set back, still come out in the order they were made.
        _last = moment << 80 | int.from_bytes(os.urandom(10), "big") if moment > _last >> 80 else _last + 1
        value = _last
    return f"{prefix}_{_encode(value)}"


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -10, -10)])
