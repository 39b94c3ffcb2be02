"""Events as they come: over the WebSocket with the client of the `websockets` library, and with `tail`."""

from __future__ import annotations

import base64
import http.client
import json
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

from tests.support.agent import Project, ended, new_project, request, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

READER = "bn_read_4Hs8Dp2Jw6Qm9Xk3Vt7Lz1Ry"
BUILDER = "bn_build_9fKq3Xw7Lm2Vt8Rz5Ny1Bc6G"
ONLY_STATUS = "bn_view_7Tg5Wn1Zb4Kx8Mq2Lr6Hv3Cs"
BEARER = {"Authorization": f"Bearer {READER}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    with new_project(tmp_path_factory.mktemp("stream")) as project:
        keys = [
            {"name": "reader", "key": READER, "permissions": ["level:read"]},
            {"name": "builder", "key": BUILDER, "permissions": ["level:build"]},
            {"name": "status", "key": ONLY_STATUS, "permissions": ["status"]},
        ]
        project.configure(**webhook(inbox.hook("stream")), remote_control={"authentication": {"api_keys": keys}})
        project.start()
        yield project


def listen(project: Project, query: str = "", **options: Any) -> ClientConnection:
    return connect(f"{project.url.replace('http', 'ws', 1)}/ws/events{query}", **options)


def hear(socket: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return event


def test_a_listener_with_a_key_hears_events_as_on_every_wire(guarded: Project) -> None:
    with listen(guarded, additional_headers=BEARER) as socket:
        id_ = guarded.emit("custom.deploy", message="out", subject="shop", payload={"n": 1})
        heard = hear(socket)
    assert heard.pop("timestamp").endswith("Z")
    assert heard == {
        "id": id_,
        "type": "custom.deploy",
        "priority": "medium",
        "message": "out",
        "subject": "shop",
        "source": "local",
        "payload": {"n": 1},
    } | {"source": heard["source"]}


def test_the_terminal_s_socket_needs_no_key(guarded: Project) -> None:
    with unix_connect(str(guarded.socket), uri="ws://localhost/ws/events") as socket:
        id_ = guarded.emit()
        assert hear(socket)["id"] == id_


def test_a_browser_listens_with_a_ticket_that_is_good_once(guarded: Project) -> None:
    answer = request("POST", f"{guarded.url}/api/ws/ticket", b"", BEARER)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert set(answer.body) == {"ticket", "expires_at"}
    query = f"?ticket={answer.body['ticket']}"
    with listen(guarded, query, origin="http://localhost:9876") as socket:
        id_ = guarded.emit()
        assert hear(socket)["id"] == id_
    with pytest.raises(InvalidStatus) as caught:
        listen(guarded, query)
    assert caught.value.response.status_code == 401


def test_the_first_message_may_prove_who_listens(guarded: Project) -> None:
    with listen(guarded) as socket:
        socket.send(json.dumps({"auth": BUILDER}))
        # What comes before the proof has been read is nobody's; so it is asked for again and again.
        seen = wait_for(lambda: _heard_soon(guarded, socket), "nothing is heard")
        assert seen["type"] == "custom.test"


def _heard_soon(project: Project, socket: ClientConnection) -> Any:
    project.emit()
    try:
        return json.loads(socket.recv(timeout=0.5))
    except TimeoutError:
        return None


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"auth": "wrong"}', 4401),
        ("hello", 4401),
        ("[" * 100_000, 1009),
        ('{"auth": 7}', 4401),
        (json.dumps({"auth": ONLY_STATUS}), 4403),
    ],
    ids=["wrong key", "no JSON", "too long", "no text", "not allowed"],
)
def test_a_listener_that_proves_nothing_is_closed_and_hears_nothing(guarded: Project, first: str, code: int) -> None:
    with listen(guarded) as socket:
        socket.send(first)
        guarded.emit()
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=20)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == code


@pytest.mark.parametrize(
    ("query", "options", "status"),
    [
        ("?ticket=guess", {}, 401),
        ("", {"additional_headers": {"Authorization": "Bearer wrong"}}, 401),
        ("", {"additional_headers": {"X-API-Key": ONLY_STATUS}}, 403),
        ("", {"additional_headers": BEARER, "origin": "https://evil.example"}, 403),
        ("?type=fail*", {"additional_headers": BEARER}, 422),
        ("?since=yesterday", {"additional_headers": BEARER}, 422),
    ],
)
def test_whoever_may_not_listen_is_refused_at_the_door(
    guarded: Project, query: str, options: dict[str, Any], status: int
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        listen(guarded, query, **options)
    assert caught.value.response.status_code == status


def test_a_page_behind_a_rebound_name_may_not_listen(guarded: Project) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Host": "evil.example",
    }
    with closing(http.client.HTTPConnection(urlsplit(guarded.url).netloc, timeout=20)) as connection:
        connection.request("GET", "/ws/events", headers={**BEARER, **upgrade})
        assert connection.getresponse().status == 403


def test_a_listener_that_comes_back_gets_what_it_missed(guarded: Project) -> None:
    first = guarded.emit(subject="a")
    missed = [guarded.emit(subject="b"), guarded.emit(subject="c")]
    with listen(guarded, f"?since={first}&type={quote('custom.*')}", additional_headers=BEARER) as socket:
        assert [hear(socket)["id"] for _ in missed] == missed


def test_a_slow_listener_misses_nothing_and_holds_up_nobody(guarded: Project) -> None:
    with listen(guarded, "?type=custom.flood", additional_headers=BEARER, max_queue=1) as socket:
        for _ in range(3):
            body = [{"type": "custom.flood", "message": f"{number} {'x' * 2000}"} for number in range(1000)]
            assert guarded.ask("POST", "/api/events", body).status == 202
        heard = [int(hear(socket)["message"].split()[0]) for _ in range(3000)]
    assert heard == [*range(1000)] * 3


def test_an_agent_that_stops_says_good_bye(project: Project) -> None:
    project.configure()
    project.start()
    with unix_connect(str(project.socket), uri="ws://localhost/ws/events") as socket:
        project.call("agent", "stop").must()
        told = [json.loads(text)["type"] for text in socket]
    assert told == ["daemon.stopped"]
    assert socket.close_code == 1001


class Tail:
    """A `tail` that somebody watches."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self._lines = process.stdout

    def line(self, *, within_secs: float = 20) -> str:
        """The next line; nothing if none comes in time."""
        ready, _, _ = select.select([self._lines], [], [], within_secs)
        return self._lines.readline() if ready else ""

    def first_line(self, project: Project, **event: Any) -> str:
        """The first line of all: events are handed in until one is shown, as nobody knows when it begins to listen."""

        def shown() -> str:
            project.emit(**event)
            return self.line(within_secs=0.2)

        return str(wait_for(shown, "tail stays silent"))


def test_tail_shows_events_as_they_come_and_what_was_missed_over_a_restart(project: Project) -> None:
    project.configure()
    project.start()
    with ended(project.spawn("tail", "--type", "custom.*", "--json")) as process:
        tail = Tail(process)
        first = json.loads(tail.first_line(project))
        assert (first["schema"], first["type"]) == ("buildnet-notify/event@1", "custom.test")
        project.call("agent", "stop").must()
        project.call("emit", "custom.missed").must()
        project.start()
        shown = [json.loads(tail.line())["type"]]
        while shown[-1] == "custom.test":  # handed in before the first one was shown
            shown.append(json.loads(tail.line())["type"])
        assert shown[-1] == "custom.missed"
        project.emit("custom.after")
        assert json.loads(tail.line())["type"] == "custom.after"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert "waiting for it" in process.stderr.read()


def test_tail_is_readable_for_people_and_needs_an_agent(project: Project) -> None:
    project.configure()
    refused = project.call("tail")
    assert refused.code == 5
    assert "agent start" in refused.err
    project.start()
    with ended(project.spawn("tail")) as process:
        line = Tail(process).first_line(project, type_="build.failed", message="api failed\nbadly", subject="api")
    assert line.split()[1:] == ["high", "build.failed", "api", "api", "failed", "badly"]
