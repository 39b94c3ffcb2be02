"""The sizes of tests/data/bad_inputs.yaml: requests, configurations and tables far beyond what anybody needs."""

from __future__ import annotations

import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project
from tests.support.bad_inputs import cases

pytestmark = pytest.mark.e2e

CASES = {case.id: case for case in cases(surface="transport")}
ELSEWHERE = {"HUGE-011"}  # among the answers of providers

KEY = "a-key-that-is-long-enough-7Qx9Lm2Vt4Zp8Rk1"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with new_project(tmp_path_factory.mktemp("sizes")) as project:
        keys = [{"key": "${BN_KEY}", "name": "CI", "permissions": ["*"]}]
        project.configure(remote_control={"enabled": True, "authentication": {"api_keys": keys}})
        project.start(BN_KEY=KEY)
        yield project


def exchange(agent: Project, *pieces: bytes, within_secs: float = 15) -> bytes:
    """What the agent says to raw bytes over TCP until it closes, or until all is quiet; sending ends where it does not listen."""
    host, _, port = agent.url.removeprefix("http://").rpartition(":")
    with closing(socket.create_connection((host, int(port)), timeout=within_secs)) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass
        answer = b""
        connection.settimeout(3)
        try:
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass
        return answer


def peak_mb(agent: Project) -> float:
    (kib,) = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.status()['pid']}/status").read_text())
    return int(kib) / 1024


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def head(*headers: str, path: str = "/api/events", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {KEY}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


JSON = "Content-Type: application/json"


def test_a_body_without_end_is_refused(agent: Project) -> None:
    case = CASES["HUGE-002"]
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = exchange(agent, head(JSON, "Transfer-Encoding: chunked"), *[chunk] * 3000)
    assert status_of(answer) in case.statuses
    assert peak_mb(agent) <= case.expect["max_rss_mb"]


def test_ten_megabytes_are_refused_in_words(agent: Project) -> None:
    body = b'{"type":"custom.a","message":"' + b"x" * (10 << 20) + b'"}'
    answer = exchange(agent, head(JSON, f"Content-Length: {len(body)}"), body)
    assert status_of(answer) == 413
    assert b"4 MiB" in answer


def test_ten_thousand_headers_are_refused(agent: Project) -> None:
    answer = exchange(agent, head(*[f"X-{number}: {number}" for number in range(10_000)], path="/health", method="GET"))
    assert status_of(answer) in CASES["HUGE-004"].statuses


def test_one_endless_header_is_refused(agent: Project) -> None:
    answer = exchange(agent, head(f"X-Long: {'x' * 5_000_000}", path="/health", method="GET"))
    assert status_of(answer) in CASES["HUGE-004"].statuses


def test_an_address_of_a_megabyte_is_refused(agent: Project) -> None:
    answer = exchange(agent, head(path="/" + "a" * (1 << 20), method="GET"))
    assert status_of(answer) in CASES["HUGE-005"].statuses


def test_ten_thousand_requests_at_once_are_answered_or_refused(agent: Project) -> None:
    case = CASES["HUGE-007"]
    answer = exchange(agent, head(path="/health", method="GET") * 10_000)
    assert 1 <= answer.count(b"HTTP/1.1 200") <= 10_000
    assert peak_mb(agent) <= case.expect["max_rss_mb"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_costs_nothing(raw: bytes, agent: Project) -> None:
    answer = exchange(agent, raw)
    assert answer == b"" or 400 <= status_of(answer) < 500
    assert exchange(agent, head("Connection: close", path="/health", method="GET")).startswith(b"HTTP/1.1 200")


def test_who_drips_is_left_after_a_while(agent: Project) -> None:
    begun = time.monotonic()
    host, _, port = agent.url.removeprefix("http://").rpartition(":")
    with closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: local")
        answer = connection.recv(65536)
    assert status_of(answer) == 408
    assert time.monotonic() - begun < 20


def test_a_hundred_thousand_recipients_are_refused_or_carried(project: Project) -> None:
    case = CASES["HUGE-009"]
    entries = "".join(
        f"      - {{name: n{number}, url: 'http://127.0.0.1:9/{number}', events: ['*']}}\n"
        for number in range(case.input["recipients"])
    )
    project.configure(f"agent: {{api: {{port: 0}}}}\nnotifications:\n  channels:\n    webhooks:\n{entries}")
    ran = project.call("config", "validate").must(3)
    assert "1024 KiB" in ran.out + ran.err
    assert project.call("agent", "start").code == 3


def test_more_than_a_thousand_recipients_are_remarked_upon(project: Project) -> None:
    entries = "".join(
        f"      - {{name: n{number}, url: 'http://127.0.0.1:9/{number}', events: [custom.x]}}\n" for number in range(1001)
    )
    project.configure(f"agent: {{api: {{port: 0}}}}\nnotifications:\n  channels:\n    webhooks:\n{entries}")
    ran = project.call("config", "validate").must()
    assert "1001 recipients" in ran.out + ran.err


def test_history_is_as_quick_with_many_rows_as_with_few(project: Project) -> None:
    """Fewer rows than the case has, since nobody may walk them: the page is cut by an index."""
    case = CASES["HUGE-010"]
    project.configure(reports={})
    project.start()
    project.call("agent", "stop").must()
    command = case.input["command"].split()
    few = min(project.call(*command).must().took_secs for _ in range(3))
    with closing(sqlite3.connect(project.state / "notify.db")) as db, db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(builds)") if name != "seq"]
        values = {
            "id": "'build_' || n",
            "status": "'completed'",
            "queued_at": "'2024-01-26T12:00:00.000Z'",
            "package": "'api'",
            "origin": "'engine'",
            "is_forced": "0",
            **dict.fromkeys(("started_at", "finished_at", "tier", "exit_code", "error", "why"), "NULL"),
        }
        chosen = ", ".join(values.get(name, "''") for name in columns)
        db.execute(
            f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300000)"
            f" INSERT INTO builds ({', '.join(columns)}) SELECT {chosen} FROM numbers"
        )
    many = min(project.call(*command).must().took_secs for _ in range(3))
    assert many - few < case.max_ms / 1000
    assert "build_300000" in project.call(*command).out


def test_every_size_is_driven() -> None:
    text = Path(__file__).read_text()
    assert [id_ for id_ in CASES if id_ not in text] == []
    assert CASES.keys() >= ELSEWHERE
