"""TXT records, asked of a name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from buildnet_cli.channels.email.dkim_gate import DnsFaultError
from buildnet_cli.channels.email.txt_record import look_up_txt

pytestmark = pytest.mark.integration

NAME = "s1._domainkey.example.com"
Answer = Callable[[dns.message.Message], dns.message.Message]


def txt(*records: str) -> Answer:
    def answer(question: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(question)
        made.flags |= dns.flags.RA
        if records:
            made.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "TXT", *records))
        return made

    return answer


def failing(code: dns.rcode.Rcode) -> Answer:
    def answer(question: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(question)
        made.set_rcode(code)
        return made

    return answer


@contextmanager
def name_server(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Iterator[None]:
    """A name server that every look-up goes to from now on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (asked := server.recvfrom(4096))[0]:
                server.sendto(answer(dns.message.from_wire(asked[0])).to_wire(), asked[1])

        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", server.getsockname())
        thread.join()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (txt('"v=DKIM1; k=rsa; " "p=AAAA"'), b"v=DKIM1; k=rsa; p=AAAA"),
        (txt('"p=A"', '"p=B"'), None),
        (txt(), None),
        (failing(dns.rcode.NXDOMAIN), None),
    ],
)
def test_the_one_record_of_a_name_is_found(answer: Answer, found: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(monkeypatch, answer):
        assert look_up_txt(NAME) == found


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_fails_leaves_the_question_open(code: dns.rcode.Rcode, monkeypatch: pytest.MonkeyPatch) -> None:
    with name_server(monkeypatch, failing(code)), pytest.raises(DnsFaultError, match=NAME):
        look_up_txt(NAME)


@pytest.mark.parametrize("name", [f"{'x' * 64}.example.com", ".".join(["x" * 60] * 5), "a..b"])
def test_what_is_no_name_has_no_record(name: str) -> None:
    assert look_up_txt(name) is None
