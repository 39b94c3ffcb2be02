"""The sandbox over HTTP, as a program of its own and as tests use it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox.front import MAX_BODY
from buildnet_cli.sandbox.server import SandboxServer
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from pathlib import Path
from buildnet_cli.sandbox.server import serve
serve(0, lambda url: print(url, flush=True), journal=Path(sys.argv[1]))
print("ended", flush=True)
"""


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    """One request; status, headers and body, parsed if it is JSON."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, path, content, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text, given = answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, given, json.loads(text) if given.get("content-type") == "application/json" else text


def test_what_is_sent_can_be_read_and_forgotten(inbox: HttpInbox) -> None:
    assert call(inbox.url, "POST", "/hooks/a", {"n": 1}, X_One="1")[0] == 200
    assert call(inbox.url, "PUT", "/hooks/b", b"plain text")[0] == 200
    everything = inbox.get("/api/messages")
    assert [(item["number"], item["recipient"], item["body"]) for item in everything["items"]] == [
        (1, "a", {"n": 1}),
        (2, "b", "plain text"),
    ]
    assert everything["items"][0]["headers"]["x-one"] == "1"
    assert [item["number"] for item in inbox.get("/api/messages?since=1")["items"]] == [2]
    assert call(inbox.url, "DELETE", "/api/messages")[0] == 204
    assert inbox.get("/api/messages") == {"items": [], "last": 0}


def test_each_provider_answers_as_it_does(inbox: HttpInbox) -> None:
    assert call(inbox.url, "POST", "/hooks/slack", {"text": "x", "blocks": []})[2] == "ok"
    assert call(inbox.url, "POST", "/hooks/discord", {"embeds": [{}]})[0] == 204
    assert call(inbox.url, "POST", "/hooks/discord?wait=true", {"embeds": [{}]})[2] == {"id": "3"}
    assert call(inbox.url, "POST", "/hooks/other", {"type": "x"})[2] == {"received": 4}


def test_a_message_is_changed_as_discords_webhooks_change_it(inbox: HttpInbox) -> None:
    call(inbox.url, "POST", "/hooks/discord?wait=true", {"embeds": [{"title": "FAILED"}]})
    status, _, body = call(inbox.url, "PATCH", "/hooks/discord/messages/1", {"embeds": [{"title": "FIXED"}]})
    assert (status, body) == (200, {"id": "2"})
    assert inbox.get("/api/messages")["items"][1]["replaces"] == 1


def test_faults_are_scripted_over_http(inbox: HttpInbox) -> None:
    script = {"answers": [503, {"status": 429, "retry_after": 1}, 200]}
    assert call(inbox.url, "POST", "/api/faults/a", script)[2] == {"waiting": 3}
    answers = [call(inbox.url, "POST", "/hooks/a", {}) for _ in range(4)]
    assert [status for status, _, _ in answers] == [503, 429, 200, 200]
    assert answers[1][1]["retry-after"] == "1"
    assert call(inbox.url, "POST", "/api/faults/a", {"answers": ["explode"]})[0] == 400


def test_a_hook_that_hangs_lets_go_when_the_caller_does(inbox: HttpInbox) -> None:
    inbox.script("a", "hang")
    connection = http.client.HTTPConnection(urlsplit(inbox.url).netloc, timeout=0.3)
    connection.request("POST", "/hooks/a", b"{}")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert call(inbox.url, "POST", "/hooks/a", {})[0] == 200
    assert [message.answered for message in inbox.received()] == [0, 200]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/hooks/a", b"x" * (MAX_BODY + 1), {}, 413),
        ("GET", "/hooks/a", None, {}, 405),
        ("GET", "/secrets.txt", None, {}, 404),
        ("GET", "/..%2finbox.py", None, {}, 404),
        ("GET", "/api/messages?since=x", None, {}, 400),
        ("GET", "/", None, {"Host": "evil.example"}, 400),
        ("POST", "/hooks/a", b"{}", {"Host": "evil.example"}, 400),
    ],
)
def test_what_the_sandbox_does_not_take_is_refused(
    inbox: HttpInbox, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    assert call(inbox.url, method, path, body, **headers)[0] == status
    assert inbox.received() == []


def test_the_page_and_its_files_load_and_forbid_everything_else(inbox: HttpInbox) -> None:
    call(inbox.url, "POST", "/hooks/<b>", {"text": "<script>alert(1)</script>"})
    status, headers, page = call(inbox.url, "GET", "/")
    assert status == 200
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    for name, kind in (("inbox.css", "text/css"), ("inbox.js", "text/javascript")):
        status, headers, _ = call(inbox.url, "GET", f"/{name}")
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)


def test_a_port_in_use_is_named(inbox: HttpInbox) -> None:
    with pytest.raises(UsageError, match="cannot be used: Address already in use") as caught:
        SandboxServer(urlsplit(inbox.url).port or 0, lambda _: None)
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_program_it_says_when_it_is_ready_journals_and_stops_when_told(number: signal.Signals, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(journal)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert call(url, "POST", "/hooks/a", {"n": 1})[0] == 200
        assert [json.loads(line)["body"] for line in journal.read_text().splitlines()] == [{"n": 1}]
        started = time.monotonic()
        child.send_signal(number)
        _, errors = child.communicate(timeout=10)
        assert time.monotonic() - started < 5
        assert errors == ""
        assert child.returncode == (0 if number == signal.SIGINT else -signal.SIGTERM)
    finally:
        child.kill()
        child.communicate()
    with socket.socket() as probe:
        assert probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0
