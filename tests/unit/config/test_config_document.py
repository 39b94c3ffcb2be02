"""YAML text to values: what YAML 1.2 says, what is refused in words, what cannot exhaust the reader."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.config.document import DEEPEST, Document, read_document
from buildnet_cli.config.loader import load_text
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, as_text

FILE = ".buildnet/notifications.yaml"


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfigError) as caught:
        load_text(text, FILE, lambda _: None, environ={})
    return caught.value.problems


def document(text: str) -> Document:
    return read_document(text, Page(FILE, text))


def value_of(written: str) -> object:
    read = document(f"a: {written}\n")
    assert not read.problems, as_text(read.problems)
    assert read.root is not None
    plain = read.root.plain()
    assert isinstance(plain, dict)
    return plain["a"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:00", "22:00"),
        ("08:00", "08:00"),
        ("2024-01-26", "2024-01-26"),
        ("1_000", "1_000"),
        ("+1987654321", "+1987654321"),
        ("build.*", "build.*"),
        ("'no'", "no"),
        ('"true"', "true"),
        ("y", "y"),
        ("no", False),
        ("On", True),
        ("oN", "oN"),
        ("true", True),
        ("~", None),
        ("", None),
        ("42", 42),
        ("-7", -7),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.50", 1.5),
        ("-.5", -0.5),
        ("6e2", 600.0),
        ("1e400", math.inf),
        ("-.inf", -math.inf),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_unquoted_values_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    assert value_of(written) == value
    assert type(value_of(written)) is type(value)


def test_not_a_number_is_a_number_to_yaml() -> None:
    found = value_of(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("- a\n- b\n", "must be a mapping (keys with values), not a list", "1:1"),
        ("42\n", "must be a mapping", "1:1"),
        ("notifications:\n\tenabled: true\n", "a tab cannot indent", "2:1"),
        ("a: 1\n---\nb: 2\n", "one document", "2:1"),
        ("a:\n  b: 1\n  b: 2\n", 'duplicate key "b", already written on line 2', "3:3"),
        ("a: &x\n  b: *x\n", "recursive", "2:6"),
        ("a: *x\n", 'alias "*x" names no anchor', "1:4"),
        ("a: !!python/object/apply:os.system [id]\n", "tags such as", "1:4"),
        ("a: *.failed\n", "`*` at the beginning of a value means an alias", "1:5"),
        ('a: "b\nc: d\n', "the quote that begins here is never closed", "1:4"),
        ("a: b: c\n", "a colon makes no sense here", "1:5"),
        ("a: [1, 2\nb: 3\n", "a list in brackets is not closed", "1:4"),
        ("a: {{x}}\n", "a key must be text", "1:5"),
        ("a: @b\n", "a value cannot begin with this character", "1:4"),
        ("a: \x07\n", "character U+0007 cannot be written", "1:4"),
        ("? [a]\n: b\n", "a key must be text", "1:3"),
        ("a: 0123\n", "begins with a zero", "1:4"),
        ('a: "x\\0"\n', "holds a NUL character", "1:4"),
        ("a: 1\nb: {<<: 5}\n", "`<<` merges mappings only", "2:5"),
    ],
)
def test_what_is_no_sound_document_is_refused_in_words(text: str, said: str, place: str) -> None:
    found = {problem.where: problem.message for problem in problems_of(text)}
    assert said in found[f"{FILE}:{place}"]


def test_a_number_with_a_leading_zero_is_refused_without_showing_it() -> None:
    (problem,) = document("slack:\n  password: 0123456\n").problems
    assert "0123456" not in as_text([problem])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 2000 + "]" * 2000, "nested too deeply"),
        ("{a: " * 2000, "nested too deeply"),
        ("- " * 5000 + "x", "nested too deeply"),
        ("a: [" + "x," * 60_000 + "]", "too many values"),
        ("a0: &a0 [x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)), "alias"),
        (
            "b: &b {" + ",".join(f"k{n}: 1" for n in range(2000)) + "}\n" + "".join(f"m{n}: {{<<: *b}}\n" for n in range(99)),
            "alias",
        ),
    ],
    ids=["lists", "mappings", "dashes", "values", "aliases", "merges"],
)
def test_a_text_made_to_exhaust_the_reader_is_refused_at_once(text: str, said: str) -> None:
    start = time.process_time()
    (problem,) = document(text).problems
    assert said in problem.message
    assert time.process_time() - start < 2


def test_the_deepest_level_allowed_is_still_read() -> None:
    assert not document("[" * DEEPEST + "]" * DEEPEST).problems
    assert document("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)).problems


def test_anchors_and_merges_repeat_a_section() -> None:
    root = document("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n").root
    assert root is not None
    assert root.plain() == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_a_problem(text: str) -> None:
    read = document(text)
    assert as_text(read.problems) or read.root is None or read.root.plain() is not Ellipsis
