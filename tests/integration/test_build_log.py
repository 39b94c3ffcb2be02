from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.engine.local.log import BuildLog

pytestmark = pytest.mark.integration


def test_output_is_in_the_file_while_the_build_still_runs(tmp_path: Path):
    log = BuildLog(tmp_path / "build_1" / "output.log")
    log.feed(b"first line\nsecond")
    assert log.path.read_text() == "first line\n"
    log.close()
    assert log.path.read_text() == "first line\nsecond\n"
    assert log.path.stat().st_mode & 0o777 == 0o600
    assert log.path.parent.stat().st_mode & 0o777 == 0o700


def test_beginning_and_end_are_kept_and_what_is_missing_is_counted(tmp_path: Path):
    log = BuildLog(tmp_path / "output.log", head_bytes=30, tail_bytes=20)
    for number in range(100):
        log.feed(b"line %04d\n" % number)  # ten bytes each
    log.close()
    assert log.path.read_text().splitlines() == [
        "line 0000",
        "line 0001",
        "line 0002",
        "",
        "[… 950 bytes left out here …]",
        "",
        "line 0098",
        "line 0099",
    ]


def test_nothing_is_marked_as_missing_if_nothing_is(tmp_path: Path):
    log = BuildLog(tmp_path / "output.log", head_bytes=30, tail_bytes=40)
    text = b"".join(b"line %04d\n" % number for number in range(7))
    log.feed(text)
    log.close()
    assert log.path.read_bytes() == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=200)), st.integers(0, 300), st.integers(0, 300))
def test_a_log_never_grows_past_its_bounds(tmp_path: Path, chunks: list[bytes], head: int, tail: int):
    log = BuildLog(tmp_path / "output.log", head_bytes=head, tail_bytes=tail, line_bytes=50)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    assert log.path.stat().st_size <= head + tail + 60


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=300).map(str.encode), st.integers(1, 7))
def test_how_the_output_is_cut_into_pieces_does_not_matter(tmp_path: Path, line: bytes, size: int):
    log = BuildLog(tmp_path / "output.log")
    data = b"before\n" + line + b"\nafter\n"
    for at in range(0, len(data), size):
        log.feed(data[at : at + size])
    log.close()
    assert log.path.read_bytes() == data


def test_a_secret_is_masked_even_if_it_arrives_in_two_pieces(tmp_path: Path):
    redact.register("hunter2-hunter2")
    log = BuildLog(tmp_path / "output.log")
    log.feed(b"token hunter2-")
    log.feed(b"hunter2 used\n")
    log.close()
    assert log.path.read_text() == "token *** used\n"
    assert log.tail(1000) == "token *** used\n"


def test_a_secret_of_several_lines_is_masked(tmp_path: Path):
    redact.register("-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----")
    log = BuildLog(tmp_path / "output.log")
    log.feed(b"before\n-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----\nafter\n")
    log.close()
    assert log.path.read_text() == "before\n***\nafter\n"


def test_a_secret_across_the_cut_of_a_long_line_does_not_show_its_first_half(tmp_path: Path):
    redact.register("hunter2-hunter2")
    log = BuildLog(tmp_path / "output.log", line_bytes=100)
    log.feed(b"x" * 92 + b"hunter2-hunter2" + b"y" * 50_000 + b"\n")
    log.close()
    text = log.path.read_text()
    assert text.startswith("x" * 92 + "***yyyyy [… ")
    assert "hunter" not in text
    assert len(text) < 200


def test_of_what_a_progress_bar_overwrites_the_last_state_is_kept(tmp_path: Path):
    log = BuildLog(tmp_path / "output.log")
    for percent in range(101):
        log.feed(b"\r%d%%" % percent)
    log.feed(b"\ndone\r\n")
    log.close()
    assert log.path.read_text() == "100%\ndone\n"


def test_bytes_that_are_no_text_do_not_break_a_log(tmp_path: Path):
    log = BuildLog(tmp_path / "output.log")
    log.feed(b"\xff\xfe ok\n")
    log.close()
    assert log.path.read_text() == "\ufffd\ufffd ok\n"


def test_the_tail_is_made_of_whole_lines(tmp_path: Path):
    log = BuildLog(tmp_path / "output.log")
    log.feed(b"one\ntwo\nthree\n")
    assert log.tail(10) == "two\nthree\n"
    log.close()


def test_a_disk_that_refuses_costs_the_log_but_not_what_is_known_of_the_build(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "build_1").write_text("a file where the folder should be")
    log = BuildLog(tmp_path / "build_1" / "output.log")
    log.feed(b"still here\n")
    assert log.tail(100) == "still here\n"
    log.close()
    assert [record.message for record in caplog.records] == ["a build log cannot be written"]


def test_a_symlink_in_the_place_of_a_log_is_not_followed(tmp_path: Path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "output.log").symlink_to(tmp_path / "victim")
    log = BuildLog(tmp_path / "output.log")
    log.feed(b"overwritten\n")
    log.close()
    assert (tmp_path / "victim").read_text() == "precious"
