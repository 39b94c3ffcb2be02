"""The vault with a real gnome-keyring on a D-Bus of its own, in an empty HOME; each step is another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.skips import needs_program

pytestmark = [pytest.mark.integration, needs_program("dbus-run-session"), needs_program("gnome-keyring-daemon")]

VALUE = "hunter2 ✓ of the keyring"

UNLOCK = 'printf "login password\\n" | gnome-keyring-daemon --unlock --components=secrets >/dev/null'

# One step: `python -c STEP VERB NAME`, the value on standard input; the answer is one JSON object.
STEP = """
import json, sys, time
from buildnet_cli.errors import BuildNetError
from buildnet_cli.secrets.vault import open_vault

verb, name = sys.argv[1:3]
begin = time.monotonic()
vault = open_vault()
answer = {}
try:
    if verb == "set":
        answer["store"] = vault.set(name, sys.stdin.read()).store
    elif verb == "get":
        answer["value"] = vault.get(name)
    elif verb == "delete":
        vault.delete(name)
    elif verb == "names":
        answer["names"] = [[info.name, info.store] for info in vault.names()]
    answer["description"] = vault.description
except BuildNetError as exc:
    answer["error"] = exc.message
answer["secs"] = time.monotonic() - begin
print(json.dumps(answer))
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    (tmp_path / "home").mkdir()
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(tmp_path / "home"),
        "XDG_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def run_session(environ: dict[str, str], script: str) -> list[dict[str, Any]]:
    """Run shell lines in a D-Bus session that ends with them; the answers of their steps."""
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-euc", script, "bash", sys.executable, STEP],
        env=environ | {"VALUE": VALUE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert VALUE not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def step(verb: str, name: str = "-") -> str:
    return f'printf %s "$VALUE" | "$1" -c "$2" {verb} {name}'


def test_a_value_lives_in_the_keyring_from_one_process_to_the_next(environ: dict[str, str]) -> None:
    steps = [step("set", "A"), step("get", "A"), step("names"), step("delete", "A"), step("get", "A"), step("names")]
    was_set, was_read, listed, deleted, gone, emptied = run_session(environ, "\n".join([UNLOCK, *steps]))
    assert was_set["store"] == "keyring"
    assert was_set["description"] == "OS keyring (SecretService)"
    assert was_read["value"] == VALUE
    assert listed["names"] == [["A", "keyring"]]
    assert "error" not in deleted
    assert gone["value"] is None
    assert emptied["names"] == []


def test_no_file_of_ours_holds_a_value_that_the_keyring_keeps(environ: dict[str, str]) -> None:
    run_session(environ, "\n".join([UNLOCK, step("set", "A")]))
    folder = Path(environ["HOME"]) / ".local/share/buildnet-notify"
    content = json.loads((folder / "secrets.json").read_text())
    assert content["secrets"]["A"].keys() == {"store", "set_at"}
    assert not (folder / "secrets.key").exists()


LOCK = """"$1" -c '
import secretstorage
bus = secretstorage.dbus_init()
secretstorage.Collection(bus).lock()
'"""

# What an agent lives through: its vault is open when the user locks the screen.
LOCKED_MEANWHILE = """"$1" -c '
import json, secretstorage
from buildnet_cli.errors import ConfigError
from buildnet_cli.secrets.vault import open_vault

vault = open_vault()
answer = {"before": vault.get("A")}
secretstorage.Collection(secretstorage.dbus_init()).lock()
try:
    vault.get("A")
except ConfigError as exc:
    answer["error"] = exc.message
print(json.dumps(answer))
'"""


def test_a_locked_keyring_asks_nobody_and_the_file_takes_its_place(environ: dict[str, str]) -> None:
    steps = [step("set", "A"), LOCK, step("get", "A"), step("set", "B"), step("get", "B"), step("set", "A"), step("get", "A")]
    first, locked, other, other_read, moved, moved_read = run_session(environ, "\n".join([UNLOCK, *steps]))
    assert first["store"] == "keyring"
    assert "A lies in the OS keyring, which cannot be used: it is locked" in locked["error"]
    assert other["store"] == "file"
    assert "encrypted file" in other["description"]
    assert "it is locked" in other["description"]
    assert other_read["value"] == VALUE
    assert moved["store"] == "file"
    assert moved_read["value"] == VALUE
    assert max(answer["secs"] for answer in (locked, other, other_read, moved, moved_read)) < 3


def test_a_keyring_that_is_locked_while_we_run_asks_nobody(environ: dict[str, str]) -> None:
    _, answer = run_session(environ, "\n".join([UNLOCK, step("set", "A"), LOCKED_MEANWHILE]))
    assert answer["before"] == VALUE
    assert answer["error"].endswith("cannot be used: it is locked")


def test_a_keyring_that_hangs_costs_the_limit_once(environ: dict[str, str]) -> None:
    script = f"""
    printf "login password\\n" | gnome-keyring-daemon --foreground --unlock --components=secrets >/dev/null 2>&1 &
    daemon=$!
    trap 'kill -CONT $daemon' EXIT
    until {step("set", "A")} | grep '"store": "keyring"'; do sleep 0.05; done
    kill -STOP $daemon
    {step("get", "A")}
    {step("set", "B")}
    """
    _, read, other = run_session(environ, script)
    assert "it did not answer within 3 s" in read["error"]
    assert other["store"] == "file"
    assert "it did not answer within 3 s" in other["description"]
    assert max(read["secs"], other["secs"]) < 4.5


def test_a_keyring_that_was_never_set_up_asks_nobody(environ: dict[str, str]) -> None:
    """On a server, D-Bus starts the daemon on the first call, and making its first collection would open a prompt."""
    answers = run_session(environ, "\n".join([step("set", "A"), step("get", "A")]))
    assert answers[0]["store"] == "file"
    assert answers[1]["value"] == VALUE
    assert max(answer["secs"] for answer in answers) < 5


def test_without_any_bus_the_file_is_used(environ: dict[str, str]) -> None:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STEP, "set", "A"], env=environ, input=VALUE, capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(done.stdout)["store"] == "file"
    assert "encrypted file" in json.loads(done.stdout)["description"]
    assert time.monotonic() - begin < 10


def test_a_bus_that_never_answers_costs_the_limit_and_no_more(environ: dict[str, str], tmp_path: Path) -> None:
    import socket

    path = tmp_path / "bus"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)  # connections are taken by the kernel; nobody ever reads them
        done = subprocess.run(
            [sys.executable, "-c", STEP, "set", "A"],
            env=environ | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"},
            input=VALUE,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    answer = json.loads(done.stdout)
    assert answer["store"] == "file"
    assert answer["secs"] < 4.5
