"""G1–G5: how long a person waits for the command line."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from lib import agent, proc, refs
from lib.goal import Result, Skip, result


def measure_instructions(*, quick: bool) -> Iterator[Result]:
    """G1: exact, and the same on a busy machine."""
    if shutil.which("valgrind") is None:
        raise Skip("G1 needs valgrind (apt-get install valgrind)")
    with agent.project() as here:
        bare, version = (proc.instructions(command) for command in _commands(here, "pass", "--version"))
    what, reference = "--version, instructions", f"python -c pass: {bare:,}"
    yield result("G1", what, [version / bare], gate=1.10, stretch=1.04, reference=reference, value=f"{version:,}")


def measure_times(*, quick: bool) -> Iterator[Result]:
    """G2–G5, all in the same rounds."""
    runs, rounds = (2, 7) if quick else (3, 15)
    with agent.running() as (here, _):
        commands = dict(zip(("pass", "version", "status", "tab", "help", "verb", "stock tab"), _all(here), strict=True))
        found = [proc.interleaved(commands, rounds=rounds) for _ in range(runs)]

    def compare(name: str, reference: str, quantity: str) -> tuple[list[float], str, str]:
        series = [({key: [getattr(cost, quantity) for cost in costs] for key, costs in run.items()}) for run in found]
        ratios = [proc.ratios(run[name], run[reference]) for run in series]
        shown = [statistics.median(value for run in series for value in run[key]) * 1000 for key in (reference, name)]
        return ratios, f"{reference}: {shown[0]:.1f} ms", f"{shown[1]:.1f} ms"

    for goal, what, name, reference, quantity, gate, stretch in (
        ("G2", "--version, CPU", "version", "pass", "cpu", 1.25, 1.05),
        ("G3", "status, agent up", "status", "pass", "wall", 1.6, 1.15),
        ("G4", "TAB", "tab", "pass", "wall", 1.25, 1.05),
        ("G4", "TAB, Typer's own", "tab", "stock tab", "wall", 0.25, 0.15),
        ("G5", "--help", "help", "pass", "wall", 9.0, 6.5),
        ("G5", "a Typer command", "verb", "pass", "wall", 9.0, 6.5),
    ):
        ratios, shown_reference, shown_value = compare(name, reference, quantity)
        yield result(goal, what, ratios, gate=gate, stretch=stretch, reference=shown_reference, value=shown_value)


def _commands(here: agent.Project, *lines: str) -> list[proc.Command]:
    argvs = [[proc.PYTHON, "-c", "pass"] if line == "pass" else [proc.PYTHON, proc.PROGRAM, *line.split()] for line in lines]
    return [proc.Command(argv, here.root, here.environ) for argv in argvs]


def _all(here: agent.Project) -> list[proc.Command]:
    program = Path(here.root.parent, "stock")
    program.write_text(refs.STOCK_TYPER)
    tab = {"_STOCK_COMPLETE": "complete_bash", "COMP_WORDS": "stock verb-1", "COMP_CWORD": "1"}
    stock = proc.Command([proc.PYTHON, str(program)], here.root, {**here.environ, **tab})
    ours = _commands(here, "pass", "--version", "status", "__complete bash 1 buildnet-notify ag", "--help", "agent status")
    return [*ours, stock]


MEASURES = [measure_instructions, measure_times]
