"""Commands run as if they had been typed: what they say, how they end, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

RUN = """\
import os, sys
from buildnet_cli.process.passthrough import run_passthrough
passed = run_passthrough(sys.argv[1:], env=dict(os.environ))
sys.stderr.write(f"tail: {len(passed.output)}\\n")
sys.exit(passed.exit_code)
"""


def passthrough(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        ("echo out; echo err >&2", 0, b"out\n", b"err\ntail: 8\n"),
        ("exit 7", 7, b"", b"tail: 0\n"),
        ("kill -TERM $$", 143, b"", b"tail: 0\n"),
    ],
)
def test_output_and_exit_code_are_the_commands_own(script: str, code: int, out: bytes, err: bytes) -> None:
    with passthrough("/bin/sh", "-c", script) as process:
        assert (*process.communicate(timeout=20), process.returncode) == (out, err, code)


def test_a_command_that_is_not_there_ends_as_a_shell_says() -> None:
    with passthrough("/nonexistent/program") as process:
        process.communicate(timeout=20)
        assert process.returncode == 127


def test_nothing_is_lost_on_a_reader_who_takes_his_time() -> None:
    with passthrough("/bin/sh", "-c", "head -c 120000 /dev/zero") as process:
        assert process.stdout is not None
        time.sleep(2)
        read = 0
        while chunk := os.read(process.stdout.fileno(), 8192):
            read += len(chunk)
            time.sleep(0.05)
        assert process.wait(20) == 0
    assert read == 120_000


def test_what_the_command_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    talk = f"(while ! test -e {tmp_path}/end; do echo x; sleep 0.01; done) & echo began"
    began = time.monotonic()
    with passthrough("/bin/sh", "-c", talk) as process:
        out, _ = process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert b"began\n" in out
    (tmp_path / "end").touch()
