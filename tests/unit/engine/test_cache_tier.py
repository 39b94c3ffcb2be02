"""How much work a build needs, and how that is explained."""

from __future__ import annotations

import dataclasses

import pytest

from buildnet_cli.engine.local.explain import MOST_NAMES, Difference, difference, why
from buildnet_cli.engine.local.key import Parts
from buildnet_cli.engine.local.tier import Outputs, Success, choose
from buildnet_cli.engine.model import Tier

FILES = {f"src/{number:03}.c": f"f:{number}" for number in range(100)}
BEFORE = Parts(
    "Linux", "api", "api", "make", "", ("out",), FILES, {"package.json": "f:1", "yarn.lock": "f:2"}, {"lib": "1"}, {}, {}
)


def now(**changes: object) -> Parts:
    return dataclasses.replace(BEFORE, **changes)  # type: ignore[arg-type]  # as replace() has it


def with_files(*, changed: int = 0, added: int = 0, removed: int = 0) -> Parts:
    names = sorted(FILES)
    inputs = {name: FILES[name] for name in names[removed:]}
    inputs |= dict.fromkeys(names[50 : 50 + changed], "f:changed")
    inputs |= {f"src/new{number}.c": "f:new" for number in range(added)}
    return now(inputs=inputs)


def tier(parts: Parts, outputs: Outputs = Outputs.AS_RECORDED, *, has_artifacts: bool = False) -> Tier:
    return choose(parts, parts.key, Success(BEFORE.key, BEFORE), outputs, has_artifacts=has_artifacts).tier


@pytest.mark.parametrize(
    ("parts", "outputs", "has_artifacts", "expected"),
    [
        (BEFORE, Outputs.AS_RECORDED, False, Tier.INSTANT_SKIP),
        (BEFORE, Outputs.AS_RECORDED, True, Tier.INSTANT_SKIP),
        (BEFORE, Outputs.CHANGED, True, Tier.CACHE_RESTORE),
        (BEFORE, Outputs.MISSING, True, Tier.CACHE_RESTORE),
        (BEFORE, Outputs.CHANGED, False, Tier.FULL_BUILD),
        (BEFORE, Outputs.MISSING, False, Tier.FULL_BUILD),
        (with_files(changed=1), Outputs.AS_RECORDED, True, Tier.CACHE_RESTORE),
        (with_files(changed=1), Outputs.CHANGED, False, Tier.MICRO_INCREMENTAL),
        (with_files(changed=1, added=1, removed=1), Outputs.CHANGED, False, Tier.MICRO_INCREMENTAL),
        (with_files(changed=1), Outputs.MISSING, False, Tier.FULL_BUILD),
        (with_files(changed=3), Outputs.CHANGED, False, Tier.MICRO_INCREMENTAL),
        (with_files(changed=4), Outputs.CHANGED, False, Tier.SMART_INCREMENTAL),
        (now(inputs={"a": "1", "b": "2"}), Outputs.CHANGED, False, Tier.SMART_INCREMENTAL),
        (now(dependencies={"lib": "2"}), Outputs.CHANGED, False, Tier.SMART_INCREMENTAL),
        (now(manifests={"package.json": "f:9", "yarn.lock": "f:2"}), Outputs.CHANGED, False, Tier.SMART_INCREMENTAL),
        (now(manifests={"package.json": "f:1", "yarn.lock": "f:9"}), Outputs.CHANGED, False, Tier.FULL_BUILD),
        (now(command="make all"), Outputs.CHANGED, False, Tier.FULL_BUILD),
        (now(micro_command="make some"), Outputs.CHANGED, False, Tier.FULL_BUILD),
        (now(environment={"CC": "1"}), Outputs.CHANGED, False, Tier.FULL_BUILD),
        (now(toolchain={"gcc --version": "1"}), Outputs.CHANGED, False, Tier.FULL_BUILD),
        (now(outputs=("out", "types")), Outputs.CHANGED, False, Tier.FULL_BUILD),
    ],
)
def test_the_tier_is_the_least_work_that_will_do(parts: Parts, outputs: Outputs, has_artifacts: bool, expected: Tier) -> None:
    assert tier(parts, outputs, has_artifacts=has_artifacts) is expected


def test_without_a_success_it_is_a_full_build_or_restored() -> None:
    for has_artifacts, expected in ((False, Tier.FULL_BUILD), (True, Tier.CACHE_RESTORE)):
        assert choose(BEFORE, BEFORE.key, None, Outputs.MISSING, has_artifacts=has_artifacts).tier is expected


def test_three_of_a_few_files_are_not_hardly_any() -> None:
    few = now(inputs={f"{number}": "f:1" for number in range(59)})
    changed = dataclasses.replace(few, inputs={**few.inputs, "0": "f:2", "1": "f:2", "2": "f:2"})
    last = Success(few.key, few)
    assert choose(changed, changed.key, last, Outputs.CHANGED, has_artifacts=False).tier is Tier.SMART_INCREMENTAL
    one = dataclasses.replace(few, inputs={**few.inputs, "0": "f:2"})
    assert choose(one, one.key, last, Outputs.CHANGED, has_artifacts=False).tier is Tier.MICRO_INCREMENTAL


def test_a_success_that_no_key_stands_for_is_built_on() -> None:
    choice = choose(BEFORE, BEFORE.key, Success("build_1", BEFORE), Outputs.CHANGED, has_artifacts=False)
    assert choice.tier is Tier.SMART_INCREMENTAL


def test_every_difference_is_named_once() -> None:
    parts = now(
        inputs={"package.json": "f:8", "src/000.c": "f:9"},
        manifests={"package.json": "f:8", "yarn.lock": "f:9"},
        dependencies={"lib": "2"},
        environment={"CC": ""},
        command="make all",
    )
    found = difference(BEFORE, parts)
    assert (found.changed, found.added, len(found.removed)) == (("src/000.c",), (), 99)
    assert found.manifests == ("package.json",)
    assert found.dependencies == ("lib",)
    assert found.setup == ("the command", "environment CC", "lockfile yarn.lock")


def test_an_explanation_is_bounded_whatever_has_changed() -> None:
    found = Difference(
        changed=tuple(f"c{number}" for number in range(15)),
        added=tuple(f"a{number}" for number in range(500)),
        removed=("r" * 5000,),
        dependencies=tuple(f"d{number}" for number in range(500)),
    )
    told = why("", found)
    assert len(told.changed + told.added + told.removed) == MOST_NAMES
    assert told.more == 516 - MOST_NAMES
    assert len(told.also) == MOST_NAMES
    assert len(str(told.as_wire())) < 2000
    assert told.summary.startswith("15 files changed, 500 files added, rrr")
    assert told.summary.endswith("dependency d2 changed, 497 other things changed")


def test_names_from_a_disk_are_told_as_one_printable_line() -> None:
    told = why("", Difference(changed=("a\nb\x1b[31m\udcff",)))
    assert told.changed == ("a?b?[31m?",)
    assert told.summary == "a?b?[31m? changed"
