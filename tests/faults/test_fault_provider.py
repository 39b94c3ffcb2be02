"""Providers that hang, refuse, babble or ask for patience: each has its consequence, and none delays another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import Project, wait_for
from tests.support.checker import check, must_add_up
from tests.support.lives import Lives, unhindered, until_settled
from tests.support.producer import TYPE, Producer
from tests.support.provider import Provider
from tests.support.raw_provider import raw_provider

pytestmark = pytest.mark.e2e

WEB_PAGE = {"status": 200, "text": "<html>Please sign in to the airport's network</html>"}
TARGETS = 20
EVENTS = 40

CROOKED: dict[str, dict[str, Any]] = {
    "drips": {"drip": 1},
    "hangs-up": {"close": "before_headers"},
    "breaks-off": {"close": "after_headers"},
    "talks-no-http": {"raw": b"SSH-2.0-OpenSSH_9.2\r\n\r\n"},
    "never-ends": {"megabytes": 500},
}
"""What providers answer to the first request, by what is wrong with them; they are well after it."""


def delivery_to(project: Project, name: str, event: str) -> dict[str, Any]:
    (found,) = [each for each in project.items(f"/api/deliveries?event={event}") if each["recipient"] == name]
    return dict(project.ask("GET", f"/api/deliveries/{found['id']}").body)


def outcomes(project: Project, name: str, event: str) -> list[str]:
    return [each["outcome"] for each in delivery_to(project, name, event)["tries"]]


def test_every_answer_of_a_provider_has_its_consequence(project: Project, standin: Provider) -> None:
    script: dict[str, list[Any]] = {
        "hang": ["hang"],
        "silent": ["hang", "hang"],
        "down": [500],
        "patience": [{"status": 429, "retry_after": 1}],
        "denied": [401],
        "wrong": [400],
        "babble": [WEB_PAGE],
    }
    project.configure(
        **unhindered(
            *(
                {
                    "name": name,
                    "url": standin.hook(name),
                    "timeout_secs": 1,
                    "format": "slack" if name == "babble" else "json",
                    "events": ["custom.*"],
                }
                for name in script
            )
        )
    )
    project.start()
    until_settled(project)
    for name, answers in script.items():
        standin.script(name, *answers)
    event = project.emit("custom.fault", subject="api")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 1, "more is pending than what is held")
    assert {name: outcomes(project, name, event) for name in script} == {
        "hang": ["unknown", "delivered"],
        "silent": ["unknown", "unknown"],
        "down": ["retry", "delivered"],
        "patience": ["retry", "delivered"],
        "denied": ["hold"],
        "wrong": ["permanent"],
        "babble": ["retry", "delivered"],
    }
    first, second = delivery_to(project, "patience", event)["tries"]
    assert first["finished_at"] < second["started_at"]
    assert delivery_to(project, "silent", event)["status"] == "dead"
    assert "may have arrived" in delivery_to(project, "silent", event)["reason"]
    assert delivery_to(project, "denied", event)["status"] == "pending"
    project.call("agent", "reload").must()
    wait_for(lambda: outcomes(project, "denied", event) == ["hold", "delivered"], "what was held is not sent after a reload")


def test_a_failing_channel_is_told_on_the_others_once_and_never_through_itself(project: Project, standin: Provider) -> None:
    project.configure(**unhindered(*({"name": name, "url": standin.hook(name)} for name in ("bad", "good"))))
    project.start()
    until_settled(project)
    standin.script("bad", 401, 401)
    project.emit(subject="a")
    project.emit(subject="b")

    def told(name: str, type_: str) -> list[dict[str, Any]]:
        return [entry["body"] for entry in standin.taken(name) if entry["body"]["type"] == type_]

    (failing,) = wait_for(lambda: told("good", "channel.failing"), "nobody is told")
    assert (failing["subject"], failing["payload"]["state"]) == ("webhook:bad", "held")
    assert "401" in failing["payload"]["answer"]
    project.call("agent", "reload").must()
    project.call("agent", "reload").must()
    (recovered,) = wait_for(lambda: told("good", "channel.recovered"), "nobody is told of the end")
    assert recovered["subject"] == "webhook:bad"
    until_settled(project)
    assert len(told("good", "channel.failing")) == 1
    assert told("bad", "channel.failing") == told("bad", "channel.recovered") == []


def test_one_hanging_target_of_twenty_keeps_nothing_from_the_others(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    names = [f"t{number}" for number in range(TARGETS)]
    project.configure(**unhindered(*({"name": name, "url": standin.hook(name), "timeout_secs": 60} for name in names)))
    standin.script("t0", "hang")
    with lives.agent():
        for _ in range(EVENTS):
            assert producer.emit() == 202
        wait_for(lambda: all(len(standin.taken(name)) > EVENTS for name in names[1:]), "the others wait", within_secs=60)
        assert standin.taken("t0") == []
    for name in names[1:]:
        check(producer, standin.taken(name), starts=lives.starts).must_be_clean()


def test_crooked_providers_harm_nobody_but_themselves(
    project: Project, lives: Lives, producer: Producer, standin: Provider, tmp_path: Path
) -> None:
    with raw_provider() as raw:
        crooked = [
            {"name": name, "url": raw.url(name, answer, tmp_path), "timeout_secs": 1, "events": [TYPE]}
            for name, answer in CROOKED.items()
        ]
        project.configure(**unhindered({"name": "good", "url": standin.hook("good")}, *crooked))
        with lives.agent():
            for _ in range(EVENTS):
                assert producer.emit() == 202
            wait_for(lambda: len(standin.taken("good")) > EVENTS, "the good one waits")
            check(producer, standin.taken("good"), starts=lives.starts).must_be_clean()
            until_settled(project, within_secs=60)
            final = {each["recipient"]: each["status"] for each in project.items("/api/deliveries")}
    assert final == dict.fromkeys(["good", *CROOKED], "delivered"), "each of them has taken the last event, at least"
    must_add_up(project)


def test_what_is_taken_back_by_nobody_is_given_up_and_stops_nobody(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    """An event that its provider never takes, at the head of a line."""
    producer.subjects = 1
    project.configure(**unhindered({"name": "Team", "url": standin.hook("poisoned"), "events": [TYPE]}))
    standin.script("poisoned", 413)
    with lives.agent():
        assert producer.emit() == 202
        ((poison,),) = [producer.accepted.pop("s0")]
        for _ in range(EVENTS):
            assert producer.emit() == 202
        until_settled(project)
        assert delivery_to(project, "Team", poison)["status"] == "dead"
    check(producer, standin.taken("poisoned"), starts=lives.starts).must_be_clean()
    must_add_up(project)
