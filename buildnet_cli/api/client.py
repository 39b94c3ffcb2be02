"""The terminal's way to the agent: HTTP over its Unix socket, with the standard library only."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from buildnet_cli.errors import BuildNetError, Kind, TimedOutError, UnreachableError

NOT_RUNNING = "the agent is not running"


class AgentNotRunning(UnreachableError):
    """Nobody listens on the agent's socket."""

    def __init__(self) -> None:
        super().__init__(NOT_RUNNING, hint="start it with: buildnet-notify agent start")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class AgentClient:
    """Calls on the agent of one workspace.

    link: the workspace's link to the agent's socket.
    timeout_secs: how long an agent may stay silent; a hung one is said to hang, not waited for.
    """

    def __init__(self, link: Path, *, timeout_secs: float = 4.0) -> None:
        self._link = link
        self._timeout_secs = timeout_secs

    def get(self, path: str, /, **query: Any) -> Any:
        """GET a path; query members that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def get_text(self, path: str) -> str:
        """GET a path in the form that is meant for a terminal."""
        text: str = self._call("GET", path, None, accept="text/plain")
        return text

    def lines(self, path: str, /, **query: Any) -> Iterator[str]:
        """The lines of an answer that never ends, as they come; it ends where the agent does.

        query: a member may be a list. Raises UnreachableError if no agent answers, and the error of its problem document.
        """
        given = {name: value for name, value in query.items() if value is not None}
        connection = self._connect(self._timeout_secs)
        try:
            connection.request("GET", f"{path}?{urlencode(given, doseq=True)}")
            answer = connection.getresponse()
            if answer.status >= http.client.BAD_REQUEST:
                _read(answer.status, answer.read())
            connection.sock.settimeout(None)
            while line := answer.readline():
                yield line.decode().rstrip("\n")
        except (OSError, http.client.HTTPException):
            return  # whoever follows asks again
        finally:
            connection.close()

    def post(self, path: str, body: Any = None, *, timeout_secs: float | None = None) -> Any:
        """POST JSON. Raises the error that the agent's problem document speaks of.

        timeout_secs: for what takes the agent long, or must not take us long. An agent that hangs is found out as soon as ever.
        """
        if timeout_secs is not None and timeout_secs > self._timeout_secs:
            self.get("/health")
        return self._call("POST", path, body if body is not None else {}, timeout_secs)

    def _call(
        self, method: str, target: str, body: Any, timeout_secs: float | None = None, *, accept: str = "application/json"
    ) -> Any:
        patience = timeout_secs or self._timeout_secs
        connection = self._connect(patience)
        try:
            content = json.dumps(body).encode() if body is not None else None
            connection.request(method, target, content, {"Accept": accept, "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except TimeoutError as exc:
            raise _hung(patience) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise UnreachableError(
                "the agent took the request and closed the connection", hint="see why: buildnet-notify agent logs"
            ) from exc
        finally:
            connection.close()
        is_text = answer.getheader("content-type", "").startswith("text/plain")
        if is_text and answer.status < http.client.BAD_REQUEST:
            return text.decode()
        return _read(answer.status, text)

    def _connect(self, patience_secs: float) -> _UnixConnection:
        try:
            connection = _UnixConnection(str(self._link.readlink()), patience_secs)
            connection.connect()
        except TimeoutError as exc:
            raise _hung(patience_secs) from exc
        except OSError as exc:
            raise AgentNotRunning from exc
        return connection


def _hung(patience_secs: float) -> TimedOutError:
    return TimedOutError(
        f"the agent did not answer within {patience_secs:.0f} s", hint="see what it does: buildnet-notify agent logs"
    )


def _read(status: int, text: bytes) -> Any:
    try:
        content = json.loads(text) if text else {}
    except ValueError as exc:
        raise BuildNetError(f"the agent failed ({status})", hint="see why: buildnet-notify agent logs") from exc
    if status < http.client.BAD_REQUEST or "detail" not in content:
        return content  # a refused command is still a result object
    error = BuildNetError(content["detail"], hint=content.get("hint", ""), where=content.get("where", ""))
    error.kind = Kind(content["kind"])
    raise error
