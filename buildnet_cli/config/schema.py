"""The configuration described: its JSON Schema for editors, and samples for people."""

from __future__ import annotations

from importlib import resources
from typing import Any

from buildnet_cli.config.document import read_document
from buildnet_cli.config.problems import Page
from buildnet_cli.config.root import Config
from buildnet_cli.config.shape import Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What a text that is a reference would not satisfy.
_LIMITS = frozenset(("enum", "const", "pattern", "minLength", "maxLength"))
_REFERENCE = {"type": "string", "pattern": r"\$\{[A-Za-z_]"}

_FULL_HEAD = """\
# buildnet-notify: every key there is. Keys that are left out have the default that stands beside them.
# ${NAME} is taken from the environment, else from the keyring: buildnet-notify secrets set NAME
"""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a configuration file. Where a number or a word is wanted, `${NAME}` is taken, too."""
    schema: dict[str, Any] = _with_references(Config.model_json_schema(by_alias=True, mode="validation"))
    return {
        "$schema": DIALECT,
        **schema,
        "title": "buildnet-notify configuration",
        "description": "Who hears of what, when, and through which channels; who may send commands; what is measured.",
    }


def sample(*, full: bool = False) -> str:
    """A commented configuration that loads as it stands: the keys most people need, or every key there is."""
    if not full:
        return _read("short.yaml")
    text = _read("full.yaml")
    comments = _comments(text)
    lines = [_FULL_HEAD]
    for number, line in enumerate(text.splitlines(), start=1):
        if line[0] not in " -#":
            lines.append("")
        if number in comments:
            lines.append(f"{' ' * (len(line) - len(line.lstrip()))}# {comments[number]}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _comments(text: str) -> dict[int, str]:
    """What each line's first key is for, by line."""
    root = read_document(text, Page("full.yaml", text)).root
    assert root is not None
    shape = Shape.of(Config)
    comments: dict[int, str] = {}
    for path, node in root.walk():
        for key, place in node.keys.items():
            described = shape.at((*path, key))
            if described is not None and described.description:
                comments.setdefault(place.line, described.description)
    return comments


def _read(name: str) -> str:
    return resources.files("buildnet_cli.config").joinpath("samples", name).read_text(encoding="utf-8")


def _with_references(schema: Any) -> Any:
    """The schema with `${NAME}` allowed wherever something else than free text is wanted."""
    if isinstance(schema, list):
        return [_with_references(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number", "boolean") or (schema.get("type") == "string" and schema.keys() & _LIMITS):
        about = {key: schema[key] for key in ("title", "description", "default", "examples") if key in schema}
        return {**about, "anyOf": [{key: value for key, value in schema.items() if key not in about}, _REFERENCE]}
    return {key: value if key in ("default", "examples") else _with_references(value) for key, value in schema.items()}
