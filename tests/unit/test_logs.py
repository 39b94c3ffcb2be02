"""Every line of the log is JSON, shows no secret, and a log that cannot be written stops nothing."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import logs, redact
from buildnet_cli.logs import JsonFormatter

log = logging.getLogger("buildnet_cli.some.part")


@pytest.fixture(autouse=True)
def _keep_the_loggers_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("buildnet_cli")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers.clear()  # pytest's own would be closed
    monkeypatch.setattr(redact, "_shared", redact.Redactor())
    yield
    for handler in root.handlers:
        with contextlib.suppress(OSError):
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    logs.to_stream(stream, level="info")
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_logger_message_and_what_is_passed_as_extra(stream: io.StringIO) -> None:
    log.warning("%s failed", "api", extra={"event": "evt_1", "secs": 1.5, "path": Path("/x")})
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "some.part",
        "message": "api failed",
        "event": "evt_1",
        "secs": 1.5,
        "path": "/x",
    }


def test_an_extra_cannot_take_the_place_of_the_level_or_the_time(stream: io.StringIO) -> None:
    log.info("x", extra={"level": "none", "logger": "somebody", "time": "never"})
    (line,) = lines(stream)
    assert (line["level"], line["logger"]) == ("info", "some.part")
    assert line["time"] != "never"


def test_an_exception_is_kept_with_its_traceback_on_the_same_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.exception("failed")
    (line,) = lines(stream)
    assert "ValueError: first\nsecond" in line["exception"]
    assert "Traceback" in line["exception"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_is_json_without_the_secret_whatever_the_secret_is(secret: str, around: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_shared", redact.Redactor())
        redact.register(secret)
        text = around + secret + around
        record = log.makeRecord("x", logging.INFO, "f", 1, "%s", (text,), None, extra={"entry": {text: text}})
        formatted = JsonFormatter().format(record)
    assert "\n" not in formatted
    line = json.loads(formatted)
    assert secret not in line["message"]
    ((name, value),) = line["entry"].items()
    assert secret not in name
    assert secret not in value


@pytest.mark.parametrize("secret", ["n123", "1234", '","le', "\\n12", "u00e9"])
def test_a_secret_that_looks_like_a_piece_of_json_does_not_break_the_line(stream: io.StringIO, secret: str) -> None:
    redact.register(secret)
    log.info("a\n123 é %s", secret, extra={"port": 1234, "quoted": '","le'})
    (line,) = lines(stream)
    assert secret not in line["message"]


def test_a_secret_in_an_exception_is_masked(stream: io.StringIO) -> None:
    redact.register("hunter2")
    try:
        raise ValueError("https://me:hunter2@host failed with hunter2")
    except ValueError:
        log.exception("failed")
    assert "hunter2" not in stream.getvalue()


def test_levels_below_the_chosen_one_are_left_out(stream: io.StringIO) -> None:
    log.debug("no")
    log.info("yes")
    logs.to_stream(stream, level="debug")
    log.debug("now")
    assert [line["message"] for line in lines(stream)] == ["yes", "now"]


@pytest.mark.parametrize("library", ["httpx", "httpcore", "aiohttp", "urllib3", "uvicorn", "keyring", "somebody.else"])
def test_what_libraries_say_below_a_warning_is_left_out(stream: io.StringIO, library: str) -> None:
    logging.getLogger(library).info("GET https://api.telegram.org/bot1:token/getMe")
    logging.getLogger(library).warning("trouble")
    assert [line["message"] for line in lines(stream)] == ["trouble"]


def test_a_file_is_begun_anew_at_its_size_and_old_ones_are_kept_by_number(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "agent.log"
    logs.to_file(path, level="info", max_mb=1, keep=2)
    for _ in range(45):
        log.info("x" * 100_000)
    assert sorted(file.name for file in path.parent.iterdir()) == ["agent.log", "agent.log.1", "agent.log.2"]
    assert all(file.stat().st_size <= 1 << 20 for file in path.parent.iterdir())
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_sends_the_log_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    logs.to_file(tmp_path / "file" / "agent.log", level="info", max_mb=1, keep=1)
    log.info("still here")
    first, second = capsys.readouterr().err.splitlines()
    assert "cannot be opened" in first
    assert json.loads(second)["message"] == "still here"


class FullDisk(io.StringIO):
    """What a file on a full disk does, when written and again when closed."""

    def write(self, _: str) -> int:
        raise OSError(28, os.strerror(28))

    def flush(self) -> None:
        if not self.closed:
            raise OSError(28, os.strerror(28))


def test_a_full_disk_is_told_of_once_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.to_file(tmp_path / "agent.log", level="info", max_mb=1, keep=1)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.stream.close()
    handler.stream = FullDisk()
    log.info("lost")
    log.info("lost too")
    text = capsys.readouterr().err
    assert text.count("cannot be written") == 1
    assert os.strerror(28) in text


def test_a_log_that_cannot_be_closed_gives_way_to_the_next(tmp_path: Path, stream: io.StringIO) -> None:
    logs.to_file(tmp_path / "agent.log", level="info", max_mb=1, keep=1)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.stream.close()
    handler.stream = FullDisk()
    logs.to_stream(stream, level="info")
    log.info("here")
    assert [line["message"] for line in lines(stream)] == ["here"]
