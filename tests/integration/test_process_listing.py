"""Finding a process's descendants, with /proc and without."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from buildnet_cli.process.supervisor import descendants
from tests.support.processes import environment, left
from tests.support.waiting import until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("has_proc", [True, False])
def test_children_and_their_children_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_proc: bool) -> None:
    mark = str(tmp_path)
    command = ["sh", "-c", "setsid sleep 300 & sh -c 'sleep 300 & wait' & wait"]
    with subprocess.Popen(command, env=environment(mark), start_new_session=True) as process:
        try:
            asyncio.run(until(lambda: len(left(mark)) == 4))
            expected = left(mark).keys() - {process.pid}
            with monkeypatch.context() as elsewhere:
                if not has_proc:
                    elsewhere.setattr(os, "listdir", _refuse)
                found = descendants(process.pid)
            assert set(found) == expected
        finally:
            for pid in left(mark):
                os.kill(pid, signal.SIGKILL)


def _refuse(folder: str) -> list[str]:
    raise FileNotFoundError(folder)
