"""What buttons carry comes back whole, fits into what providers take, and nothing else is taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.button import Button, read_button
from buildnet_cli.ids import new_id

ASKERS = st.from_regex(r"T[A-Z0-9]{10}/U[A-Z0-9]{10}|[0-9]{17,20}", fullmatch=True)


@given(ASKERS, st.from_regex(r"[0-9]{6,10}", fullmatch=True))
def test_a_button_comes_back_as_it_went_and_fits(asker: str, code: str) -> None:
    for button in (Button("CONFIRM", new_id("req"), asker, code), Button("CANCEL", new_id("req"), asker)):
        assert len(button.value) <= 100
        assert read_button(button.value) == button


def test_the_code_is_shown_nowhere() -> None:
    assert "483920" not in repr(Button("CONFIRM", "req_1", "1", "483920"))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "CONFIRM",
        "CONFIRM req_1 1",
        "CANCEL req_1 1 483920",
        "confirm req_1 1 483920",
        "CONFIRM req_1 1 48392x",
        "CANCEL req_1 1\n",
    ],
)
def test_anything_else_is_no_button(value: str) -> None:
    assert read_button(value) is None
