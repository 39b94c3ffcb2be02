"""Golden files: what a rendering looked like when somebody last read it. `UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden"


def assert_golden(name: str, text: str) -> None:
    """Compare with `tests/golden/NAME`, or write it."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"tests/golden/{name} does not exist; UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text("utf-8")
