"""Exit codes: one table for everything the program does."""

from __future__ import annotations

from typing import Final

from buildnet_cli.errors import Kind

OK: Final = 0
INTERRUPTED: Final = 130
READER_GONE: Final = 141

EXIT_OF: Final = {
    Kind.FAILED: 1,
    Kind.STORAGE: 1,
    Kind.CONFLICT: 1,
    Kind.USAGE: 2,
    Kind.TOO_LARGE: 2,
    Kind.CONFIG: 3,
    Kind.DENIED: 4,
    Kind.TOO_MANY: 4,
    Kind.UNREACHABLE: 5,
    Kind.CONFIRMATION_NEEDED: 6,
    Kind.CONFIRMATION_WRONG: 7,
    Kind.CONFIRMATION_EXPIRED: 7,
    Kind.PARTLY: 8,
    Kind.NOT_FOUND: 9,
    Kind.UNKNOWN_PACKAGE: 9,
    Kind.TIMEOUT: 10,
    Kind.UNSUPPORTED: 11,
}
"""What each kind of failure exits with."""
