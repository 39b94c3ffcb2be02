from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.process.memory import oom_kills


@pytest.mark.parametrize(
    ("text", "count"),
    [("pgfault 7\noom_kill 3\nnuma_hit 9\n", 3), ("oom_kill 0\n", 0), ("oom_kill_other 3\n", None), ("", None)],
)
def test_the_kernels_counter_is_read(tmp_path: Path, text: str, count: int | None) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text(text)
    assert oom_kills(counters) == count


def test_a_kernel_without_counters_says_nothing(tmp_path: Path) -> None:
    assert oom_kills(tmp_path / "vmstat") is None
