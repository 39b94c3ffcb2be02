"""Providers that hang, refuse, babble or ask for patience: each has its consequence, and none delays another."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support.faults import Producer, Provider, check, delay_of, unhindered

from tests.support.agent import Project, wait_for

pytestmark = pytest.mark.e2e

WEB_PAGE = {"status": 200, "text": "<html>Please sign in to the airport's network</html>"}
TARGETS = 20
EVENTS = 60


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
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the start is not told")
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
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the start is not told")
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
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending")
    assert len(told("good", "channel.failing")) == 1
    assert told("bad", "channel.failing") == told("bad", "channel.recovered") == []


def test_one_hanging_target_of_twenty_delays_no_other(project: Project, standin: Provider) -> None:
    names = [f"t{number}" for number in range(TARGETS)]
    project.configure(**unhindered(*({"name": name, "url": standin.hook(name), "timeout_secs": 30} for name in names)))
    project.start()
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the start is not told")
    ratios = []
    for _ in range(3):
        standin.script("t0")
        well = nearly_slowest(project, standin, names[1:])
        standin.script("t0", *["hang"] * EVENTS)
        ratios.append(nearly_slowest(project, standin, names[1:]) / well)
        if min(ratios) <= 1.1:
            return
    raise AssertionError(f"the others take {ratios} times as long")


def nearly_slowest(project: Project, standin: Provider, names: list[str]) -> float:
    """How long all but one in a hundred deliveries to these targets take at most; each of them in order."""
    producer, before = Producer(project), {name: len(standin.taken(name)) for name in names}
    for _ in range(EVENTS):
        assert producer.emit() == 202
        time.sleep(0.05)
    wait_for(lambda: all(len(standin.taken(name)) >= before[name] + EVENTS for name in names), "the others wait")
    took: list[float] = []
    for name in names:
        taken = standin.taken(name)[before[name] :]
        check(producer, taken, latest_secs=5).must_be_clean()
        took += [delay_of(entry) for entry in taken]
    return sorted(took)[int(len(took) * 0.99)]
