"""The stand-in for a BuildNet daemon keeps to the contract of the real one, its faults included."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.sandbox.buildnetd.server import StandIn
from tests.support.agent import Answer, request, wait_for
from tests.support.daemons import daemon, daemon_process, write_project

pytestmark = pytest.mark.integration

JSON = {"Content-Type": "application/json"}
COMMANDS = {
    "api": "mkdir -p out/api && cat src/a > out/api/all",
    "@scope/ui": "true",
    "bad": "echo seen; echo oops >&2; exit 3",
    "killed": "kill -9 $$",
    "slow": "touch began; sleep 30",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    write_project(tmp_path, COMMANDS, api="@scope/ui")
    with daemon(tmp_path, keep_alive_secs=0.05) as server:
        yield server


def post(server: StandIn, path: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Answer:
    return request("POST", server.url + path, body, JSON if headers is None else headers)


def get(server: StandIn, path: str) -> Any:
    return request("GET", server.url + path).body


def build(server: StandIn, package: str) -> Answer:
    return post(server, f"/build/{urllib.parse.quote(package, safe='')}")


def test_a_build_blocks_to_its_end_and_has_a_row(server: StandIn):
    answer = build(server, "api")
    assert answer.status == 200
    assert answer.body.keys() == {"package", "tier", "status", "duration_ms", "source_hash", "output_hash", "error"}
    assert (answer.body["status"], answer.body["tier"], len(answer.body["source_hash"])) == ("completed", "SmartIncremental", 16)
    (row,) = get(server, "/builds")
    assert (row["package"], row["status"], row["output_hash"]) == ("api", "completed", answer.body["output_hash"])
    assert "tier" not in row
    assert row["started_at"].endswith("Z")
    assert len(row["started_at"].partition(".")[2]) == 10


def test_skipped_and_restored_builds_have_no_row(server: StandIn, tmp_path: Path):
    build(server, "api")
    assert build(server, "api").body["tier"] == "InstantSkip"
    (tmp_path / "out" / "api" / "all").unlink()
    (tmp_path / "out" / "api").rmdir()
    restored = build(server, "api").body
    assert (restored["status"], restored["tier"]) == ("cached", "CacheRestore")
    assert (tmp_path / "out" / "api" / "all").read_text() == "a\n"
    assert len(get(server, "/builds")) == 1


def test_a_failed_build_is_a_200_and_carries_stderr_alone(server: StandIn):
    answer = build(server, "bad")
    assert (answer.status, answer.body["status"]) == (200, "failed")
    assert answer.body["error"] == "Build failed: Command failed with exit code 3: oops\n"
    assert build(server, "killed").body["error"] == "Build failed: Command failed with exit code -1: "


def test_no_dependency_is_built_along(server: StandIn):
    build(server, "api")
    assert [row["package"] for row in get(server, "/builds")] == ["api"]


def test_a_scoped_name_is_one_percent_encoded_segment(server: StandIn):
    assert build(server, "@scope/ui").status == 200
    answer = post(server, "/build/@scope/ui")
    assert (answer.status, answer.body) == (404, "")


@pytest.mark.parametrize(
    ("headers", "body", "status", "said"),
    [
        ({}, b"{}", 415, "Expected request with `Content-Type: application/json`"),
        ({"Content-Type": "text/plain"}, b"{}", 415, "Expected request with `Content-Type: application/json`"),
        (JSON, b"", 400, "Failed to parse the request body as JSON: EOF while parsing a value at line 1 column 0"),
        (JSON, b"{", 400, "Failed to parse the request body as JSON: "),
        (JSON, b'{"force": 1}', 422, "Failed to deserialize the JSON body into the target type: "),
        (JSON, b" " * (3 << 20), 413, "Failed to buffer the request body: length limit exceeded"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_plain_text(
    server: StandIn, headers: dict[str, str], body: bytes, status: int, said: str
):
    for path in ("/build", "/build/api"):
        answer = post(server, path, body, headers)
        assert answer.status == status
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.body.startswith(said)
    assert get(server, "/builds") == []


def test_a_wrong_method_and_an_unknown_path_get_a_status_and_not_a_word(server: StandIn):
    assert request("DELETE", server.url + "/builds").status == 405
    assert request("GET", server.url + "/nope").body == ""
    assert request("GET", server.url + "/nope").status == 404


@pytest.mark.parametrize(
    ("package", "status", "code"), [("nope", 404, "NOT_FOUND"), ("a b", 400, "BAD_REQUEST"), ("a" * 101, 400, "BAD_REQUEST")]
)
def test_a_name_that_is_no_package_is_refused(server: StandIn, package: str, status: int, code: str):
    answer = build(server, package)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_ten_requests_a_minute_are_taken_unknown_packages_among_them(server: StandIn):
    for _ in range(10):
        assert build(server, "nope").status == 404
    answer = build(server, "api")
    assert (answer.status, answer.body["code"]) == (429, "RATE_LIMITED")
    assert "Please wait 60 seconds" in answer.body["error"]
    assert "hint" in answer.body
    assert "retry-after" not in {name.lower() for name in answer.headers}
    assert post(server, "/build").status == 429, "both routes share the bucket"


def test_what_the_framework_refuses_costs_nothing(server: StandIn):
    for _ in range(12):
        assert post(server, "/build/api", b"", JSON).status == 400
    assert build(server, "api").status == 200


def test_a_package_has_one_builder_and_the_end_of_the_other_is_never_told(server: StandIn, tmp_path: Path):
    events = Listener(server)
    first = threading.Thread(target=lambda: _ignored(server.url, "slow"), daemon=True)
    first.start()
    wait_for(lambda: (tmp_path / "began").exists(), "the build did not begin")
    answer = build(server, "slow")
    assert (answer.status, answer.body["code"]) == (409, "BUILD_IN_PROGRESS")
    assert "already being built" in answer.body["error"]
    wait_for(lambda: events.types().count("build_start") == 2, "both were to be told to start")
    assert "build_complete" not in events.types()
    events.close()


def test_who_goes_away_leaves_the_child_the_lock_and_a_row_that_runs_for_ever(server: StandIn, tmp_path: Path):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = "POST /build/slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        connection.sendall(head.encode())
        wait_for(lambda: (tmp_path / "began").exists(), "the build did not begin")
    time.sleep(0.1)
    assert build(server, "slow").status == 409
    assert [row["status"] for row in get(server, "/builds")] == ["running"]
    server.daemon.end_children()
    time.sleep(0.1)
    assert [row["status"] for row in get(server, "/builds")] == ["running"]


def test_a_restart_ends_neither_rows_nor_locks(tmp_path: Path):
    write_project(tmp_path, COMMANDS)
    with daemon_process(tmp_path) as process:
        threading.Thread(target=lambda: _ignored(process.url, "slow"), daemon=True).start()
        wait_for(lambda: (tmp_path / "began").exists(), "the build did not begin")
        wait_for(lambda: request("GET", process.url + "/builds").body, "the row is not there")
    with daemon(tmp_path) as server:
        assert [row["status"] for row in get(server, "/builds")] == ["running"]
        assert build(server, "slow").status == 409


def test_a_failed_dependency_stops_nobody_in_a_full_build(tmp_path: Path):
    write_project(tmp_path, {"lib": "exit 1", "app": "touch ran"}, app="lib")
    with daemon(tmp_path) as server:
        answer = post(server, "/build")
        assert (answer.status, answer.body["success"]) == (200, False)
        assert [(made["package"], made["status"]) for made in answer.body["results"]] == [("lib", "failed"), ("app", "completed")]


def test_an_unknown_dependency_ends_the_daemon_in_a_full_build(tmp_path: Path):
    write_project(tmp_path, {"app": "true"}, app="nope")
    with daemon_process(tmp_path) as process:
        assert request("POST", process.url + "/build/app", b"{}", JSON).status == 200
        with pytest.raises(OSError):  # noqa: PT011  (whatever a connection says that breaks)
            request("POST", process.url + "/build", b"{}", JSON)
        assert process.process.wait(10) < 0


def test_a_circle_is_a_500(tmp_path: Path):
    write_project(tmp_path, {"a": "true", "b": "true"}, a="b", b="a")
    with daemon(tmp_path) as server:
        assert post(server, "/build").body["code"] == "BUILD_FAILED"


def test_the_daemon_leaves_when_it_is_asked_to(tmp_path: Path):
    write_project(tmp_path, COMMANDS)
    with daemon_process(tmp_path) as process:
        assert request("POST", process.url + "/shutdown", b"").body == {"status": "shutting_down"}
        assert process.process.wait(10) == 0


def test_the_stream_has_unnamed_events_and_comments(server: StandIn):
    events = Listener(server)
    build(server, "bad")
    wait_for(lambda: "build_complete" in events.types(), "no end was told")
    wait_for(lambda: ":" in events.lines, "no comment came")
    assert not [line for line in events.lines if line.startswith(("event:", "id:", "retry:"))]
    start = next(event for event in events.found() if event["event_type"] == "build_start")
    assert start["package"] == "bad"
    assert start["build_info"] == {"build_type": "single", "package": "bad", "force": False, "packages": []}
    assert start["source"]["source_type"] == "unknown"
    assert {"id", "build_id", "tier", "duration_ms", "error"}.isdisjoint(start)
    end = next(event for event in events.found() if event["event_type"] == "build_complete")
    assert end["level"] == "error"
    events.close()


def test_what_nobody_counts_is_always_zero(server: StandIn):
    build(server, "api")
    build(server, "api")
    build(server, "bad")
    expected = {"total_builds": 2, "cached_builds": 0, "failed_builds": 1, "cached_files": 0, "artifacts": 0}
    assert get(server, "/stats") == expected
    status = get(server, "/status")
    assert (status["state_stats"], status["packages"]) == (expected, list(COMMANDS))
    assert get(server, "/health") == {"status": "ok", "version": "0.1.0", "uptime_secs": 0}


def test_no_build_can_be_looked_up(server: StandIn):
    build(server, "api")
    answer = request("GET", f"{server.url}/builds/{get(server, '/builds')[0]['id']}")
    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")


def test_at_most_fifty_rows_are_listed_newest_first(server: StandIn):
    server.daemon.window_secs = 0.0
    for _ in range(52):
        build(server, "bad")
    rows = get(server, "/builds")
    assert len(rows) == 50
    assert [row["started_at"] for row in rows] == sorted((row["started_at"] for row in rows), reverse=True)
    assert len(get(server, "/ledger/builds?limit=60")["builds"]) == 52


def test_the_cache_is_counted_and_cleared(server: StandIn):
    build(server, "api")
    stats = get(server, "/cache/stats")
    assert stats["artifact_count"] == 1
    assert stats["total_size"] > 0
    assert post(server, "/cache/clear", b'{"max_size_mb": 1}').body == {"removed": 0}
    assert post(server, "/cache/clear").body == {"removed": 1}
    assert get(server, "/cache/stats")["artifact_count"] == 0


def test_the_network_is_a_pretence(server: StandIn):
    first, second = get(server, "/network/nodes"), get(server, "/network/nodes")
    assert first["local"]["id"] != second["local"]["id"]
    assert post(server, "/network/join", b'{"bootstrap_addr": "10.0.0.1:9877"}').body["success"] is True
    assert get(server, "/network/nodes/nobody")["id"] == "nobody"


def _ignored(url: str, package: str) -> None:
    try:
        request("POST", f"{url}/build/{package}", b"{}", JSON)
    except OSError:
        return


class Listener:
    """Reads the event stream. lines: what came, without line ends."""

    def __init__(self, server: StandIn) -> None:
        self.lines: list[str] = []
        self._socket = socket.create_connection(("127.0.0.1", server.port))
        self._socket.sendall(b"GET /events HTTP/1.0\r\nHost: x\r\n\r\n")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for(lambda: "client_connected" in self.types(), "the stream does not answer")

    def found(self) -> list[dict[str, Any]]:
        return [json.loads(line.removeprefix("data: ")) for line in list(self.lines) if line.startswith("data: ")]

    def types(self) -> list[str]:
        return [event["event_type"] for event in self.found()]

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _read(self) -> None:
        with self._socket.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                self.lines.append(line.rstrip("\r\n"))
