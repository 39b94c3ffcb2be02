from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.config.origin import Place
from buildnet_cli.config.problems import InvalidConfigError, Page
from buildnet_cli.engine.json_document import read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refusal(text: str) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        read_json(text, Page("config.json", text))
    return caught.value


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_json_text_is_read_as_the_standard_library_reads_it(value: object, indent: int | str | None, ascii_: bool):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    assert read_json(text, Page("x", text)).plain() == value


def test_every_value_and_key_knows_its_place():
    text = '{\n\t"packages": [\n\t\t{"name": "a\\u00e9"}\n\t]\n}'
    root = read_json(text, Page("x", text))
    name = root.at(("packages", 0, "name"))
    package = root.at(("packages", 0))
    assert name is not None
    assert package is not None
    assert name.place == Place(3, 12, 9)
    assert package.keys["name"] == Place(3, 4, 6)
    assert root.keys["packages"] == Place(2, 2, 10)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ('{"a": 1,}', "config.json:1:9", "not JSON"),
        ('{\n  "a": 1\n  "b": 2\n}', "config.json:3:3", "',' delimiter"),
        ("", "config.json:1:1", "not JSON"),
        ('{"a": 1}x', "config.json:1:9", "extra data"),
        ('{"a": 1,\n "a": 2}', "config.json:2:2", '"a" stands here twice'),
        ("[NaN]", "config.json", "NaN is no JSON number"),
        ("[" * 100_000, "config.json", "nested too deeply"),
        ("[" * 600 + "]" * 600, "config.json", "nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, where: str, words: str):
    error = refusal(text)
    assert error.where == where
    assert words in error.message
