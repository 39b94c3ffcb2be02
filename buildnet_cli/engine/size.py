"""Sizes, as people read them."""

from __future__ import annotations

_STEP = 1024
_UNITS = ("B", "KB", "MB", "GB", "TB")


def format_size(count: int) -> str:
    """Bytes as `640 B`, `4.2 MB` or `5 GB`; 1 KB is 1024 of them."""
    size = float(count)
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            break
        size /= _STEP
    number = f"{size:.1f}".removesuffix(".0") if size < 100 else f"{size:,.0f}"
    return f"{number} {unit}"
