"""An agent that does not answer: nobody waits for it long, nothing handed to it gets lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.agent import Project, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

TIMED_OUT = 10


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does nothing while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


VERBS = [["status"], ["agent", "status"], ["cmd", "STATUS"], ["send-test"], ["agent", "stop"]]


def test_the_terminal_gives_up_within_five_seconds_and_says_so(project: Project) -> None:
    project.configure(reports={})
    pid = project.start()
    with stopped(pid):
        begun = time.monotonic()
        asking = [project.spawn(*args) for args in VERBS]
        ends = [(*asked.communicate(timeout=30), asked.returncode) for asked in asking]
        took_secs = time.monotonic() - begun
    for args, (out, err, code) in zip(VERBS, ends, strict=True):
        assert (out, code) == ("", TIMED_OUT), args
        assert "did not answer within 4 s" in err, args
    assert f"kill -KILL {pid}" in ends[-1][1]
    assert took_secs < 10.0  # five of them share the machine, each with a start of its own


def test_what_is_emitted_meanwhile_is_neither_lost_nor_told_twice(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("hung")))
    pid = project.start()
    with stopped(pid):
        emitted = project.call("emit", "build.failed", "--package", "api", "--json").must().json
        assert emitted["status"] == "spooled"
        ran = project.call("run", "--package", "web", "--", "false").must(1)
        assert ran.took_secs < 3.0
    project.until_heard(inbox, "hung", emitted["id"])
    wait_for(lambda: not list((project.state / "spool").glob("*.json")), "the spool is not emptied")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending")
    told = [
        (got.body["type"], got.body["subject"]) for got in inbox.received("hung") if not got.body["type"].startswith("daemon.")
    ]
    assert sorted(told) == [("build.failed", "api"), ("build.failed", "web"), ("build.started", "web")]
    assert len(project.items("/api/notifications/events?type=build.*")) == 3
