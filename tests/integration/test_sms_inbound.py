"""Text messages and reports, posted by Twilio's stand-in to a real server."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from buildnet_cli.channels.sms import inbound, status, twiml
from buildnet_cli.channels.sms.inbound import Keyword
from buildnet_cli.channels.sms.signature import public_url
from buildnet_cli.channels.sms.status import State, StatusReport
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.sandbox import twilio, twilio_calls
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

PHONE = "+14155550123"
PUBLIC = "https://builds.example.com"
SMS = Sms(account_sid=twilio.ACCOUNT_SID, auth_token=twilio.AUTH_TOKEN, from_number=twilio.FROM_NUMBER)


class Application(ThreadingHTTPServer):
    """Reads what is posted to /sms and /status as ours does, and answers in TwiML."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[Inbound | Keyword | StatusReport] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Application

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        read = status.read if path == "/status" else inbound.read
        try:
            self.server.heard.append(read(SMS, public_url(PUBLIC, path, query), headers, body))
        except ForgedError:
            self.send_response(403)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", twiml.MEDIA_TYPE)
        self.end_headers()
        heard = self.server.heard[-1]
        self.wfile.write((twiml.answer("ci-01 <ok>\nqueue 2") if isinstance(heard, Inbound) else twiml.silence()).encode())

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@contextmanager
def application() -> Iterator[Application]:
    with Application() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def ours() -> Iterator[Application]:
    with application() as server:
        yield server


@pytest.fixture(scope="module")
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


def ask(inbox: HttpInbox, path: str, body: Any) -> Any:
    request = urllib.request.Request(f"{inbox.url}/twilio/{path}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_a_text_is_heard_and_its_answer_reaches_the_phone(inbox: HttpInbox, ours: Application) -> None:
    inbox.clear()
    said = {"from": PHONE, "text": "STATUS é", "url": f"{PUBLIC}/sms?a=%20b", "to": f"{ours.url}/sms?a=%20b"}
    assert ask(inbox, "say", said) == {"status": 200, "answer": ["ci-01 <ok>\nqueue 2"]}
    (heard,) = ours.heard
    assert isinstance(heard, Inbound)
    assert (heard.identifier, heard.text) == (PHONE, "STATUS é")
    (got,) = inbox.received(PHONE)
    assert (got.reading.form, got.reading.title, got.reading.line) == ("sms", "ci-01 <ok>", "queue 2")


def test_a_bare_stop_is_a_keyword_and_is_met_with_silence(inbox: HttpInbox, ours: Application) -> None:
    said = {"from": PHONE, "text": "stop", "url": f"{PUBLIC}/sms", "to": f"{ours.url}/sms"}
    assert ask(inbox, "say", said) == {"status": 200, "answer": []}
    assert isinstance(ours.heard[0], Keyword)


def test_a_text_signed_for_another_address_is_refused(inbox: HttpInbox, ours: Application) -> None:
    said = {"from": PHONE, "text": "STATUS", "url": f"{ours.url}/sms"}
    assert ask(inbox, "say", said) == {"status": 403, "answer": []}
    assert ours.heard == []


def test_a_report_tells_what_became_of_a_message(inbox: HttpInbox, ours: Application) -> None:
    sid = "SM" + "1" * 32
    told = {"sid": sid, "status": "undelivered", "fields": {"ErrorCode": "30003"}}
    assert ask(inbox, "report", {**told, "url": f"{PUBLIC}/status", "to": f"{ours.url}/status"}) == {"status": 200}
    assert ours.heard == [StatusReport(sid, State.UNDELIVERED, 30003)]


def test_twilios_own_library_takes_the_stand_ins_requests_for_genuine() -> None:
    fields = {"Body": "é 😀", "FromCity": "", "From": PHONE}
    for url in ("https://builds.example.com/sms?a=1", "https://builds.example.com:443/sms"):
        call = twilio_calls.signed(url, fields)
        assert RequestValidator(twilio.AUTH_TOKEN).validate(url, fields, call.headers["x-twilio-signature"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"from": PHONE, "text": 1, "url": "http://127.0.0.1/"},
        {"from": PHONE, "text": "a", "url": "https://builds.example.com/sms"},
        {"from": PHONE, "text": "a", "url": "http://127.0.0.1/", "fields": {"a": 1}},
        {"from": PHONE, "text": "a", "url": "http://[/"},
    ],
)
def test_what_cannot_be_said_is_refused_and_nobody_else_is_called(body: Any, inbox: HttpInbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(inbox, "say", body)
    with caught.value as answer:
        assert answer.code == 400
