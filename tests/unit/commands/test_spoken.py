"""What people are told of a command, in a sentence or two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.commands.spoken import answer_to
from buildnet_cli.errors import Kind
from tests.support.commands import NOW

SOON = to_rfc3339(NOW + timedelta(minutes=5))


def result(status: CommandStatus, message: str, *, kind: Kind | None = None, hint: str = "", **values: Any) -> CommandResult:
    return CommandResult("X", status, "req_1", NOW, values, message, kind, hint)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (result(CommandStatus.ACCEPTED, "Build queued for package 'api'"), "Build queued for package 'api'."),
        (result(CommandStatus.EXECUTED, "a\nb"), "A\nb"),
        (
            result(CommandStatus.FAILED, "there is no package ap1", kind=Kind.UNKNOWN_PACKAGE, hint='did you mean "api"?'),
            'There is no package ap1. Did you mean "api"?',
        ),
        (
            result(
                CommandStatus.CONFIRMATION_REQUIRED,
                "CACHE CLEAR would remove 1,204 artifacts (4.2 MB). Nothing has run yet.",
                code="048392",
                expires_at=SOON,
            ),
            "CACHE CLEAR would remove 1,204 artifacts (4.2 MB). Nothing has run yet."
            " Reply YES 048392 within 5m to run it, or NO to drop it.",
        ),
        (
            result(CommandStatus.CONFIRMATION_REQUIRED, "STOP would stop.", expires_at=SOON),
            "STOP would stop. Reply YES and the code that was sent elsewhere within 5m to run it, or NO to drop it.",
        ),
    ],
)
def test_an_answer_says_how_it_ended_and_what_to_send_next(given: CommandResult, told: str) -> None:
    assert answer_to(given, NOW) == told
