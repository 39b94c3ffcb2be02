"""What somebody has turned on, to stay so until it is turned off again, restarts included."""

from __future__ import annotations

import sqlite_utils

BUILDS_PAUSED = "builds.paused"
"""No build begins while this is on."""


def is_on(db: sqlite_utils.Database, name: str) -> bool:
    """Whether a switch is on; one that nobody ever touched is off."""
    return db.execute("SELECT 1 FROM switches WHERE name = ?", [name]).fetchone() is not None


def turn(db: sqlite_utils.Database, name: str, *, on: bool) -> None:
    """Turn a switch on or off."""
    db.execute("INSERT INTO switches VALUES (?) ON CONFLICT DO NOTHING" if on else "DELETE FROM switches WHERE name = ?", [name])
