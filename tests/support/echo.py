"""Providers that refuse everybody and say aloud what they heard, over HTTP and over SMTP."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

STATUSES = (400, 401, 403, 404, 429, 500)


@dataclass
class Echo:
    """url: over HTTP. smtp_port: over SMTP. also: what they say besides. heard: the first lines of what they were sent."""

    also: Sequence[str]
    url: str = ""
    smtp_port: int = 0
    heard: list[str] = field(default_factory=list)

    def says(self, heard: str) -> str:
        """Everything, in every spelling, one after the other and without a space between."""
        told = [heard, *self.also]
        return "".join(f"{text}{quote(text, safe='')}{base64.b64encode(text.encode()).decode()}" for text in told)


@contextmanager
def echoing(also: Sequence[str]) -> Iterator[Echo]:
    """Both providers on free loopback ports."""
    echo = Echo(also)
    web = ThreadingHTTPServer(("127.0.0.1", 0), _web(echo))
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _mail(echo))
    mail.daemon_threads = True
    echo.url, echo.smtp_port = f"http://127.0.0.1:{web.server_address[1]}", int(mail.server_address[1])
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (web, mail)]
    for thread in threads:
        thread.start()
    try:
        yield echo
    finally:
        for server in (web, mail):
            server.shutdown()
            server.server_close()


def _web(echo: Echo) -> type[BaseHTTPRequestHandler]:
    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode("utf-8", "replace")
            echo.heard.append(f"{self.requestline}\n{self.headers}")
            if self.path == "/token":
                self._answer(200, json.dumps({"access_token": "ya29.c4nary-access-token", "expires_in": 3599}))
                return
            status = STATUSES[len(echo.heard) % len(STATUSES)]
            self._answer(status, echo.says(f"{self.requestline}{self.headers}{body}"))

        do_PUT = do_PATCH = do_GET = do_POST

        def _answer(self, status: int, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Web


def _mail(echo: Echo) -> type[socketserver.BaseRequestHandler]:
    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 echo")
            for line in self.rfile:
                text = line.decode("utf-8", "replace").strip()
                echo.heard.append(text)
                if text.upper().startswith("EHLO"):
                    self.wfile.write(b"250-echo\r\n250 AUTH PLAIN LOGIN\r\n")
                elif text.upper() == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say(f"535 5.7.8 {echo.says(text)}"[:900])

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode("ascii", "replace"))

    return Mail
