"""`${NAME}`: where values come from, what is refused, what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.config.document import read_document
from buildnet_cli.config.interpolate import Resolved, interpolate
from buildnet_cli.config.problems import Page


def resolve(text: str, environ: dict[str, str] | None = None, stored: dict[str, str] | None = None) -> Resolved:
    page = Page("f.yaml", text)
    root = read_document(text, page).root
    assert root is not None
    return interpolate(root, page, environ or {}, (stored or {}).get)


def test_the_environment_comes_before_the_secret_store_and_the_store_before_the_default() -> None:
    text = "a: ${A:-default}\nb: ${B:-default}\nc: ${C:-default}\nd: x ${A}-${B} y\n"
    resolved = resolve(text, {"A": "from-env"}, {"A": "from-store", "B": "stored"})
    assert resolved.data == {"a": "from-env", "b": "stored", "c": "default", "d": "x from-env-stored y"}
    assert not resolved.problems


def test_the_text_as_written_is_remembered() -> None:
    resolved = resolve("a: [x, '${A}']\nb: plain\n", {"A": "1"})
    assert resolved.references == {("a", 1): "${A}"}


@pytest.mark.parametrize("environ", [{}, {"BN_NOT_SET": ""}], ids=["not set", "empty"])
def test_an_unset_name_is_refused_with_the_command_that_sets_it(environ: dict[str, str]) -> None:
    (problem,) = resolve("slack:\n  bot_token: ${BN_NOT_SET}\n", environ).problems
    assert problem.message == "slack.bot_token needs BN_NOT_SET, which is not set"
    assert "buildnet-notify secrets set BN_NOT_SET" in problem.hint
    assert "export BN_NOT_SET=" in problem.hint
    assert (problem.line, problem.column) == (2, 14)


@pytest.mark.parametrize("switch", ["false", "no", "${ON:-false}", "'off'"])
def test_an_unset_name_in_a_section_that_is_off_is_no_problem(switch: str) -> None:
    resolved = resolve(f"sms:\n  enabled: {switch}\n  list:\n    - token: ${{T}}\n")
    assert not resolved.problems
    assert resolved.unset == {("sms", "list", 0, "token"): ("sms",)}


def test_a_section_beside_one_that_is_off_still_needs_its_names() -> None:
    problems = resolve("sms: {enabled: false, token: '${T}'}\nslack: {enabled: true, token: '${T}'}\n").problems
    assert [problem.path for problem in problems] == ["slack.token"]


def test_what_a_variable_holds_is_not_expanded_again() -> None:
    assert resolve("a: ${BN_A}\n", {"BN_A": "${BN_B}", "BN_B": "x"}).data == {"a": "${BN_B}"}


def test_a_doubled_dollar_writes_a_literal_reference() -> None:
    resolved = resolve("a: 'cost $${A} and $5, $${ too'\n")
    assert resolved.data == {"a": "cost ${A} and $5, ${ too"}
    assert not resolved.references
    assert not resolved.problems


@pytest.mark.parametrize("written", ["${}", "${A${B}}", "${A", "${1A}", "${A-b}", "${A:-${B}}", "${A b}"])
def test_a_malformed_reference_is_refused_without_quoting_the_value(written: str) -> None:
    resolved = resolve(f"slack:\n  bot_token: 'prefix{written}'\n", {"A": "1", "B": "2"})
    (problem,) = resolved.problems
    assert problem.message.startswith("slack.bot_token holds a `${`")
    assert "prefix" not in problem.excerpt


@pytest.mark.parametrize("written", ["$(id)", "`id`", " $(cat /etc/passwd) "])
def test_a_shell_command_is_refused(written: str) -> None:
    (problem,) = resolve(f"slack: {{bot_token: '{written}'}}\n").problems
    assert "no shell is ever run" in problem.message


def test_a_text_that_merely_holds_shell_signs_is_taken_as_it_is() -> None:
    text = "it is `x` or $(y), really"
    assert resolve(f"a: '{text}'\n").data == {"a": text}


def test_values_from_variables_are_masked_from_then_on_but_not_short_or_public_ones() -> None:
    resolve("a: ${T}\nb: ${PORT}\nc: ${HOME}/x\n", {"T": "zq-token-from-env", "PORT": "58731", "HOME": "/home/zq-somebody"})
    assert redact.scrub("zq-token-from-env 58731 /home/zq-somebody") == "*** 58731 /home/zq-somebody"


def test_the_secret_store_is_asked_once_for_each_name() -> None:
    asked: list[str] = []

    def lookup(name: str) -> str | None:
        asked.append(name)
        return None

    page = Page("f", "")
    root = read_document("a: ${X:-1}\nb: ${X:-2}\nc: ${Y:-3}\n", page).root
    assert root is not None
    interpolate(root, page, {}, lookup)
    assert asked == ["X", "Y"]


@given(st.text(alphabet="${}AB:-` ()x", max_size=30))
def test_any_text_is_taken_or_refused(text: str) -> None:
    page = Page("f", "")
    root = read_document("a: 'x'\n", page).root
    assert root is not None
    child = root.child("a")
    assert child is not None
    child.value = text
    resolved = interpolate(root, page, {"A": "1"}, lambda _: None)
    assert resolved.problems or "${" not in str(resolved.data) or "$${" in text
