"""Every failure carries a sentence and one kind."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli import errors
from buildnet_cli.errors import BuildNetError, ChannelError, Kind, Outcome, TooManyError

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, BuildNetError) and value is not BuildNetError
]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_keeps_what_it_was_told(kind: type[BuildNetError]) -> None:
    given: dict[str, Any] = {"outcome": Outcome.RETRY} if kind is ChannelError else {"where": "file:1:2"}
    given |= {"retry_after_secs": 3.0} if kind is TooManyError else {}
    error = kind("it failed", hint="try again", **given)
    assert (str(error), error.message, error.hint) == ("it failed", "it failed", "try again")
    assert isinstance(error.kind, Kind)


def test_no_two_classes_stand_for_the_same_kind() -> None:
    kinds = [kind.kind for kind in CLASSES if kind is not ChannelError]
    assert len(set(kinds)) == len(kinds)


def test_the_tree_at_the_top_of_the_file_names_every_class() -> None:
    assert errors.__doc__ is not None
    drawn = [line.split()[1] for line in map(str.lstrip, errors.__doc__.replace("│", " ").splitlines()) if line[:1] in {"├", "└"}]
    assert sorted(drawn) == sorted(kind.__name__ for kind in CLASSES)


def test_a_refusal_of_a_provider_says_what_it_means_for_the_delivery() -> None:
    error = ChannelError("too many requests", outcome=Outcome.RETRY, status=429, retry_after_secs=2.5)
    assert (error.outcome, error.status, error.retry_after_secs, error.where) == (Outcome.RETRY, 429, 2.5, "")
