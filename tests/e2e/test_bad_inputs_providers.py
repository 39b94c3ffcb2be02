"""The provider answers of tests/data/bad_inputs.yaml, each given to a real agent by a server that says it once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import Project, new_project, wait_for
from tests.support.bad_inputs import Case, cases
from tests.support.http_inbox import HttpInbox
from tests.support.raw_provider import RawProvider, raw_provider

pytestmark = pytest.mark.e2e

OPS = "told-elsewhere"

CASES = {case.id: case for case in cases(surface="provider")}
SERVFAIL = "PROV-049"  # a name server of one's own cannot be had; see test_a_name_server_that_fails_is_asked_again

# A provider's web page or its word in JSON mean something only where its dialect is spoken.
FORMS = {"PROV-033": "slack", "PROV-034": "slack"}

# More of the kind: what else a server may say.
MORE: dict[str, dict[str, Any]] = {
    "a-bomb": {"megabytes": 500},
    "no-http": {"raw": b"SSH-2.0-OpenSSH_9.2\r\n\r\n"},
    "zero-status": {"raw": b"HTTP/1.1 000 Nothing\r\n\r\n"},
    "only-continue": {"raw": b"HTTP/1.1 100 Continue\r\n\r\n"},
    "endless-header": {"raw": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000},
    "no-length": {"raw": b"HTTP/1.1 200 OK\r\n\r\nfine until the connection ends"},
    "control-characters": {"status": 500, "body": "\u001b[2J\u202eevil\u0000"},
    "early-date": {"status": 429, "headers": {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}},
    "reset-after": {"status": 429, "headers": {"X-RateLimit-Reset-After": "45.5"}},
}
TAKEN = {"PROV-036", "a-bomb", "no-length"}
MORE_DELAYS = {"reset-after": 45.5, "early-date": 1}


@pytest.fixture(scope="module")
def provider() -> Iterator[RawProvider]:
    with raw_provider() as running:
        yield running


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox, provider: RawProvider) -> Iterator[Met]:
    """An agent that has sent one message to each of these providers."""
    folder = tmp_path_factory.mktemp("providers")
    answers = {id_: case.input for id_, case in CASES.items() if id_ != SERVFAIL} | MORE
    hooks = [
        {
            "name": id_,
            "url": provider.url(id_, answer, folder),
            "events": [type_of(id_)],
            "timeout_secs": 3,
            "format": FORMS.get(id_, "json"),
        }
        for id_, answer in answers.items()
    ]
    hooks.append({"name": OPS, "url": inbox.hook(OPS), "events": ["channel.*"]})
    limits = {"max_per_minute": 100_000, "max_per_hour": 100_000}
    sections = {"notifications": {"settings": {"rate_limit": limits}, "channels": {"webhooks": hooks}}}
    with new_project(folder) as project:
        project.configure(**sections)
        project.start()
        for id_ in answers:
            project.emit(type_of(id_), message=f"for {id_}")
        yield Met(project, inbox, provider, first_ends(project, len(answers)))


class Met:
    """What came of the first attempt with each provider. first: its delivery, as it stood right after that."""

    def __init__(self, project: Project, inbox: HttpInbox, provider: RawProvider, first: dict[str, dict[str, Any]]) -> None:
        self.project, self.inbox, self.provider, self.first = project, inbox, provider, first

    def is_told_elsewhere(self, id_: str) -> bool:
        return any(
            got.body["type"] == "channel.failing" and got.body["subject"] == f"webhook:{id_}" for got in self.inbox.received(OPS)
        )

    def finally_(self, id_: str) -> dict[str, Any]:
        """The delivery after a person has had it tried again."""
        tried = self.project.call("deliveries", "retry", self.first[id_]["id"])
        assert tried.code == 0 or "is delivered" in tried.err, "it may have been tried by itself meanwhile"
        return wait_for(lambda: self._delivered(id_), f"{id_} was not tried again with success")

    def _delivered(self, id_: str) -> dict[str, Any] | None:
        shown: dict[str, Any] = self.project.call("deliveries", "show", self.first[id_]["id"], "--json").must().json
        return shown if shown["status"] == "delivered" else None


def type_of(id_: str) -> str:
    return f"custom.{id_.lower()}"


def first_ends(project: Project, count: int) -> dict[str, dict[str, Any]]:
    """Each delivery as it is first seen with an answer."""
    seen: dict[str, dict[str, Any]] = {}

    def look() -> bool:
        for item in project.items("/api/deliveries"):
            if item["answer"] and item["recipient"] != OPS and item["recipient"] not in seen:
                seen[item["recipient"]] = {**item, "seen_at": datetime.now(UTC)}
        return len(seen) == count

    wait_for(look, "not every provider was tried", within_secs=60)
    return seen


def test_every_provider_case_is_driven() -> None:
    assert set(CASES) >= {SERVFAIL, *FORMS}
    assert len(CASES) == 31


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.id != SERVFAIL], ids=lambda case: case.id)
def test_an_answer_has_the_consequence_it_should_have(case: Case, met: Met) -> None:
    first, expect = met.first[case.id], case.expect
    assert not case.unwanted_in(json.dumps(first, default=str))
    match case.outcomes:
        case ["accept"]:
            assert first["status"] == "delivered"
            assert met.provider.asked[case.id] == expect["delivered"]
        case ["dead_letter"]:
            assert (first["status"], first["attempts"]) == ("dead", 1)
            assert met.provider.asked[case.id] == 1
        case ["defer"]:
            assert first["status"] == "pending"
            check_delay(first, expect.get("next_attempt"))
    if expect.get("alert_other_channel"):
        wait_for(lambda: met.is_told_elsewhere(case.id), "nobody else was told")
    flows = {trouble["target"]: trouble["state"] for trouble in met.project.status()["targets"]}
    if expect.get("channel") == "held":
        assert flows[f"webhook:{case.id}"] == "held"
    if expect.get("channel_disabled"):
        assert flows[f"webhook:{case.id}"] == "gone"
    if expect.get("retried") and not case.input.keys() & {"tls", "dns"}:
        assert met.finally_(case.id)["attempts"] >= 2
        assert met.provider.asked[case.id] >= 2


def test_perm_4xx_dead_and_meta(met: Met) -> None:
    """One message that is refused for good is a dead letter with its answer, told elsewhere once, and never through itself."""
    assert met.first["PROV-009"]["status"] == "dead"
    assert "400" in met.first["PROV-009"]["answer"]
    told = [got.body for got in met.inbox.received(OPS) if got.body["subject"] == "webhook:PROV-009"]
    assert [body["type"] for body in told] == ["channel.failing"]
    assert "400" in told[0]["payload"]["answer"]


def check_delay(first: dict[str, Any], wanted: str | None) -> None:
    """When the next attempt is due, counted from about the end of the first."""
    wait = (datetime.fromisoformat(first["next_attempt_at"]) - first["seen_at"]).total_seconds()
    if wanted is None or wanted == "ignored":
        return  # by the table: soon, and it may have been made again already
    secs = 86_400 if "24 h" in wanted else float(wanted)
    assert secs - 15 <= wait <= secs + 1


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if "tls" in case.input or "dns" in case.input], ids=lambda c: c.id
)
def test_a_fault_of_tls_or_dns_is_tried_again_and_never_in_the_clear(case: Case, met: Met) -> None:
    if case.id == SERVFAIL:
        return
    first = met.first[case.id]
    assert "certificate" in first["answer"] if "tls" in case.input else "resolved" in first["answer"]
    assert met.provider.asked[case.id] == 0
    again = met.project.call("deliveries", "retry", first["id"]).must()
    assert "pending" in again.out or "tried" in again.out


async def test_a_name_server_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from buildnet_cli.errors import ChannelError, Outcome
    from buildnet_cli.net.http import HttpClient

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")  # what the C library makes of SERVFAIL

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    client = HttpClient()
    with pytest.raises(ChannelError) as caught:
        await client.request("POST", "http://hooks.example.com/SECRET")
    await client.close()
    assert caught.value.outcome is Outcome.RETRY
    assert caught.value.message == "the name hooks.example.com cannot be resolved"


@pytest.mark.parametrize("id_", MORE)
def test_whatever_else_a_provider_says_ends_well(id_: str, met: Met) -> None:
    first = met.first[id_]
    assert first["status"] == ("delivered" if id_ in TAKEN else "pending"), first
    assert not re.search(r"[\x00-\x1f\u202e]", first["answer"])
    if id_ in MORE_DELAYS:
        check_delay(first, str(MORE_DELAYS[id_]))
    if id_ not in TAKEN:
        assert met.finally_(id_)["status"] == "delivered"


def test_no_answer_takes_more_memory_than_it_is_worth(met: Met) -> None:
    pid = met.project.status()["pid"]
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    assert int(found[1]) / 1024 <= 150


def test_nothing_is_lost_by_any_of_them(met: Met) -> None:
    begun = time.monotonic()
    checks = {check["name"]: check for check in met.project.call("doctor", "--json").json["items"]}
    assert checks["conservation"]["result"] == "ok"
    assert checks["database"]["result"] == "ok"
    assert time.monotonic() - begun < 30
