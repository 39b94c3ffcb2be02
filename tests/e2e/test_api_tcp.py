"""The API as anybody on this machine can reach it: loopback is no credential."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.agent import Answer, Project, new_project, request, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

KEYS = {
    "admin": ("bn_admin_Zq81mVx0Tt5LrKc2Yw7Hd4Pj", ["*"]),
    "builder": ("bn_build_9fKq3Xw7Lm2Vt8Rz5Ny1Bc6G", ["level:build"]),
    "reader": ("bn_read_4Hs8Dp2Jw6Qm9Xk3Vt7Lz1Ry", ["level:read"]),
    "viewer": ("bn_view_7Tg5Wn1Zb4Kx8Mq2Lr6Hv3Cs", ["status"]),
}

JSON = {"Content-Type": "application/json"}

ROUTES = [
    ("GET", "/api/status"),
    ("GET", "/api/notifications/events"),
    ("GET", "/api/deliveries"),
    ("GET", "/api/builds"),
    ("GET", "/api/commands/history"),
    ("POST", "/api/events"),
    ("POST", "/api/commands/execute"),
    ("POST", "/api/commands/confirm"),
]

TERMINAL_ONLY = ["/api/agent/stop", "/api/agent/reload"]


@pytest.fixture(scope="module")
def open_agent(running: Project) -> str:
    """An agent without a key and without remote control: its URL."""
    return running.url


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """A project whose agent has keys, and remote control switched on."""
    with new_project(tmp_path_factory.mktemp("guarded")) as project:
        keys = [{"name": name, "key": key, "permissions": words} for name, (key, words) in KEYS.items()]
        project.configure(
            **webhook(inbox.hook("guarded")), remote_control={"enabled": True, "authentication": {"api_keys": keys}}
        )
        project.packages(good="true")
        project.start()
        yield project


def call(url: str, method: str, path: str, body: Any = None, *, key: str = "", **headers: str) -> Answer:
    """One request; the body as JSON. key: the name of one of KEYS."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        given["Authorization"] = f"Bearer {KEYS[key][0]}"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(method, url + path, data, {**JSON, **given} if method == "POST" else given)


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem document of an answer."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["status"] == status
    assert answer.body.keys() >= {"type", "title", "status", "detail", "kind"}
    return dict(answer.body)


def test_health_is_open(open_agent: str, guarded: Project) -> None:
    for url in (open_agent, guarded.url):
        assert call(url, "GET", "/health").body["status"] == "ok"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_everything_else_wants_a_key(method: str, path: str, guarded: Project) -> None:
    body = {"type": "custom.test", "command": "STATUS"} if method == "POST" else None
    none = call(guarded.url, method, path, body)
    wrong = call(guarded.url, method, path, body, Authorization="Bearer wrong")
    odd = call(guarded.url, method, path, body, X_API_Key="k\u00e9y".encode().decode("latin-1"))
    assert problem(none, 401) == problem(wrong, 401) == problem(odd, 401)
    assert none.headers["www-authenticate"] == "Bearer"


def test_a_key_in_the_url_is_none(guarded: Project) -> None:
    problem(call(guarded.url, "GET", f"/api/status?key={KEYS['admin'][0]}&api_key={KEYS['admin'][0]}"), 401)


def test_loopback_without_a_key_may_only_look_at_its_health(open_agent: str) -> None:
    for method, path in ROUTES:
        status = 404 if method == "POST" and path.startswith("/api/commands/") else 401
        assert call(open_agent, method, path, {"command": "STATUS"} if method == "POST" else None).status == status, path


def test_commands_do_not_exist_while_remote_control_is_off(open_agent: str, running: Project) -> None:
    problem(call(open_agent, "POST", "/api/commands/execute", {"command": "STATUS"}), 404)
    assert running.ask("POST", "/api/commands/execute", {"command": "STATUS"}).status == 200


@pytest.mark.parametrize("path", TERMINAL_ONLY)
def test_what_is_the_terminals_alone_does_not_exist_on_tcp(path: str, guarded: Project) -> None:
    problem(call(guarded.url, "POST", path, {}, key="admin"), 404)
    assert guarded.agents()


@pytest.mark.parametrize(
    ("key", "command", "status"),
    [
        ("admin", "STATUS", 200),
        ("admin", "BUILD good", 202),
        ("builder", "BUILD good", 202),
        ("builder", "HISTORY", 200),
        ("reader", "HISTORY", 200),
        ("reader", "BUILD good", 403),
        ("viewer", "STATUS", 200),
        ("viewer", "HISTORY", 403),
        ("viewer", "BUILD good", 403),
        ("viewer", "CANCEL good", 403),
        ("admin", "BUILD nothing-like-it", 422),
        ("admin", "BILD good", 422),
        ("admin", "BUILD good and more", 422),
        ("admin", "STOP", 202),
    ],
)
def test_a_command_is_answered_by_what_the_key_may(key: str, command: str, status: int, guarded: Project) -> None:
    answer = call(guarded.url, "POST", "/api/commands/execute", {"command": command}, key=key)
    assert answer.status == status, answer.body
    assert answer.body.keys() >= {"command", "status", "request_id", "timestamp", "result", "message"}


def test_a_strong_command_is_confirmed_by_its_request_and_its_code(guarded: Project) -> None:
    asked = call(guarded.url, "POST", "/api/commands/execute", {"command": "CACHE CLEAR"}, key="admin")
    assert (asked.status, asked.body["status"]) == (202, "confirmation_required")
    of, code = asked.body["request_id"], asked.body["result"]["code"]
    wrong = "000000" if code != "000000" else "111111"
    for key, request_id, given, status in (
        ("admin", of, "no code", 422),
        ("admin", of, wrong, 409),
        ("admin", "req_unknown", code, 409),
        ("builder", of, code, 409),
        ("admin", of, code, 200),
        ("admin", of, code, 409),
    ):
        answer = call(guarded.url, "POST", "/api/commands/confirm", {"request_id": request_id, "code": given}, key=key)
        assert answer.status == status, answer.body
        assert answer.body.keys() >= {"command", "status", "request_id", "timestamp", "result", "message"}
    problem(call(guarded.url, "POST", "/api/commands/confirm", {"request_id": of}, key="admin"), 400)


def test_a_key_may_come_as_a_header_of_its_own_or_in_the_body(guarded: Project) -> None:
    key = KEYS["admin"][0]
    assert call(guarded.url, "GET", "/api/status", X_API_Key=key).status == 200
    assert call(guarded.url, "POST", "/api/commands/execute", {"command": "STATUS", "auth": key}).status == 200
    problem(call(guarded.url, "POST", "/api/commands/execute", {"command": "STATUS", "auth": key[:-1]}), 401)


@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        ("reader", "GET", "/api/deliveries", 200),
        ("reader", "POST", "/api/events", 403),
        ("builder", "POST", "/api/events", 202),
        ("viewer", "GET", "/api/deliveries", 403),
        ("builder", "POST", "/api/notifications/test", 403),
    ],
)
def test_a_route_wants_its_level(key: str, method: str, path: str, status: int, guarded: Project) -> None:
    body = {"type": "custom.test", "subject": f"{key} {path}"} if method == "POST" else None
    assert call(guarded.url, method, path, body, key=key).status == status


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9876", "[::2]", "", "localhost@evil"]
)
def test_a_page_behind_a_rebound_name_is_refused(host: str, guarded: Project) -> None:
    for method, path in [("GET", "/health"), *ROUTES]:
        problem(call(guarded.url, method, path, {} if method == "POST" else None, key="admin", Host=host), 403)


def test_our_own_names_are_taken_whatever_their_case(guarded: Project) -> None:
    port = urlsplit(guarded.url).port
    for host in (f"127.0.0.1:{port}", f"LocalHost:{port}", "localhost", f"[::1]:{port}"):
        assert call(guarded.url, "GET", "/health", Host=host).status == 200, host


def test_a_test_message_without_a_key_only_from_no_page_and_while_there_is_no_key(
    open_agent: str, guarded: Project, inbox: HttpInbox
) -> None:
    sent = call(open_agent, "POST", "/api/notifications/test", {"channel": "webhook", "message": "hello"})
    assert (sent.status, [row["result"] for row in sent.body["items"]]) == (200, ["delivered"])
    for origin in ("http://evil.example", "null", open_agent):
        problem(call(open_agent, "POST", "/api/notifications/test", {"channel": "webhook"}, Origin=origin), 401)
    problem(call(guarded.url, "POST", "/api/notifications/test", {"channel": "webhook"}), 401)
    assert call(guarded.url, "POST", "/api/notifications/test", {"channel": "webhook"}, key="admin").status == 200


def test_a_test_message_goes_to_configured_targets_only(open_agent: str, inbox: HttpInbox) -> None:
    for wanted, status in (({"channel": "https://evil.example/x"}, 422), ({"to": "https://evil.example/x"}, 404)):
        problem(call(open_agent, "POST", "/api/notifications/test", wanted), status)
    for wrong in ({"url": "https://evil.example"}, {"channel": 5}, {"type": "no type"}):
        assert call(open_agent, "POST", "/api/notifications/test", wrong).status == 422, wrong


BAD_BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b"[" * 100_000, 400),
    (b"[]", 400),
    (b'"text"', 422),
    (b"null", 422),
    (b"{}", 422),
    (b'{"type": "build.failed", "colour": "red"}', 422),
    (b'{"type": "Not A Type"}', 422),
    (b'{"type": "custom.test", "payload": [1]}', 422),
    (b'{"type": "custom.test", "timestamp": "yesterday"}', 422),
    (b'{"type": "custom.test", "priority": "urgent"}', 422),
    (b'{"type": "custom.test", "payload": {"n": NaN}}', 422),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES, ids=[str(body[:40]) for body, _ in BAD_BODIES])
def test_a_bad_body_is_explained(body: bytes, status: int, guarded: Project) -> None:
    problem(call(guarded.url, "POST", "/api/events", body, key="admin"), status)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""])
def test_only_declared_json_is_read(kind: str, guarded: Project) -> None:
    told = problem(call(guarded.url, "POST", "/api/events", {"type": "custom.test"}, key="admin", Content_Type=kind), 400)
    assert "application/json" in told["hint"]


def test_of_an_array_all_is_taken_or_nothing(guarded: Project) -> None:
    good, bad = {"type": "custom.array", "subject": "one"}, {"type": "custom.array", "priority": "urgent"}
    told = problem(call(guarded.url, "POST", "/api/events", [good, good, bad], key="admin"), 422)
    assert told["where"] == "[2].priority"
    assert guarded.items("/api/notifications/events?type=custom.array") == []
    taken = call(guarded.url, "POST", "/api/events", [good] * 3, key="admin")
    assert (taken.status, len(taken.body["items"])) == (202, 3)
    assert len(guarded.items("/api/notifications/events?type=custom.array")) == 3
    problem(call(guarded.url, "POST", "/api/events", [good] * 1001, key="admin"), 400)


def test_a_body_without_end_is_not_read_to_its_end(guarded: Project) -> None:
    address = urlsplit(guarded.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        head = f"POST /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEYS['admin'][0]}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            while sent < 64 << 20:
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass  # it has closed the door
        assert sent < 32 << 20
    assert call(guarded.url, "GET", "/health").status == 200


def test_a_body_that_is_too_large_is_refused(guarded: Project) -> None:
    body = json.dumps({"type": "custom.test", "payload": {"text": "x" * (4 << 20)}}).encode()
    problem(call(guarded.url, "POST", "/api/events", body, key="admin"), 413)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "limit=-1", "limit=1e3", "cursor=nonsense", "since=yesterday"]
)
def test_a_bad_query_is_explained(query: str, guarded: Project) -> None:
    problem(call(guarded.url, "GET", f"/api/notifications/events?{query}", key="reader"), 422)


def test_pages_hang_together(guarded: Project) -> None:
    events = [{"type": "custom.page", "subject": str(number)} for number in range(7)]
    assert call(guarded.url, "POST", "/api/events", events, key="admin").status == 202
    seen: list[str] = []
    path = "/api/notifications/events?type=custom.page&limit=3"
    cursor = ""
    while cursor is not None:
        page = call(guarded.url, "GET", f"{path}&cursor={cursor}" if cursor else path, key="reader").body
        seen += [event["subject"] for event in page["items"]]
        cursor = page["next"]
    assert seen == [str(number) for number in reversed(range(7))]


def test_unknown_paths_and_methods_are_problems_too(guarded: Project) -> None:
    problem(call(guarded.url, "GET", "/nothing/here", key="admin"), 404)
    problem(call(guarded.url, "POST", "/health", {}, key="admin"), 405)


def test_what_is_no_http_does_not_disturb(guarded: Project) -> None:
    address = urlsplit(guarded.url)
    for noise in (b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as connection:
            connection.sendall(noise)
            connection.shutdown(socket.SHUT_WR)
            try:
                connection.recv(65536)
            except ConnectionError:
                continue
    assert call(guarded.url, "GET", "/health").status == 200


def test_no_page_elsewhere_may_read_an_answer(guarded: Project) -> None:
    address = urlsplit(guarded.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request(
        "OPTIONS", "/api/events", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status in (404, 405)
    assert not [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")]
