"""What holds for every test: the rule for skipping."""

from __future__ import annotations

pytest_plugins = ["tests.support.skips", "pytester"]
