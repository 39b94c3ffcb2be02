"""Checks plain data against the models, and turns each refusal into a sentence at the line that caused it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from buildnet_cli import redact
from buildnet_cli.config.interpolate import Resolved
from buildnet_cli.config.origin import KeyPath, Node, Origins, dotted, replaced
from buildnet_cli.config.problems import Page, Problem, Severity, quoted, visible
from buildnet_cli.config.shape import Shape, secrets_in

Model = TypeVar("Model", bound=BaseModel)

# Pydantic's own refusals, for the fields whose model has no sentence for them. Its `ctx` fills the braces.
_SENTENCES = {
    "string_type": "must be text; write it in quotes if it is meant as text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be an ordinary number, neither infinite nor .nan",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping (keys with values)",
    "model_type": "must be a mapping (keys with values)",
    "model_attributes_type": "must be a mapping (keys with values)",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_pattern_mismatch": "is not written as it should be",
}

# A sentence of the model that goes on from the key's name: "… must be text".
_CONTINUES = ("must ", "holds ", "is ", "needs ")


@dataclass
class Checked(Generic[Model]):
    """value: None if there are problems."""

    value: Model | None
    problems: list[Problem] = field(default_factory=list)


def check(model: type[Model], root: Node, resolved: Resolved, page: Page) -> Checked[Model]:
    """Validate everything at once.

    A section that is switched off may refer to names that are not set. Where such a value then fails, the section is taken as
    nothing but switched off.
    """
    try:
        return Checked(model.model_validate(resolved.data))
    except ValidationError as exc:
        errors = _details(exc)
    data = resolved.data
    failed = {_written_path(root, error["loc"]) for error in errors}
    for section in {section for path, section in resolved.unset.items() if path in failed}:
        data = replaced(data, section, {"enabled": False})
    if data is not resolved.data:
        try:
            return Checked(model.model_validate(data))
        except ValidationError as exc:
            errors = _details(exc)
    shape = Shape.of(model)
    for path, text in secrets_in(root, shape):
        if path not in resolved.references:
            redact.register(text)
    problems = {_translated(error, root, shape, page): None for error in errors}
    return Checked(None, sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _details(exc: ValidationError) -> list[ErrorDetails]:
    # Without the input: a refused value may be a secret.
    return exc.errors(include_url=False, include_input=False)


def _translated(error: ErrorDetails, root: Node, shape: Shape, page: Page) -> Problem:
    path = _written_path(root, error["loc"])
    origins = Origins(page.file, root)
    if error["type"] == "extra_forbidden":
        return _unknown_key(path, origins, shape, page)
    if error["type"] == "missing":
        key = str(error["loc"][-1])
        message = f"{_named(path)} needs {quoted(key)}"
        return page.problem(Severity.ERROR, message, origins.place_of(path), path=(*path, key))
    place, here = origins.place_of(path), shape.at(path)
    until = place.column if here is not None and here.is_secret else None
    return page.problem(Severity.ERROR, _joined(path, _sentence(error)), place, path=path, shown_until=until)


def _unknown_key(path: KeyPath, origins: Origins, shape: Shape, page: Page) -> Problem:
    key, place = str(path[-1]), origins.key_place_of(path)
    parent = shape.at(path[:-1])
    known = parent.keys if parent is not None else []
    near = difflib.get_close_matches(key[:80].lower(), known, n=1)
    message = f"unknown key {quoted(key)}" + (f', did you mean "{near[0]}"?' if near else "")
    hint = "" if near or not known else f"known here: {', '.join(known)}"
    # What stands behind an unknown key may be anything, a secret too.
    until = place.column + place.length + 1
    return page.problem(Severity.ERROR, message, place, path=path, hint=hint, shown_until=until)


def _sentence(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] in ("value_error", "assertion_error"):
        return str(context["error"])
    if error["type"] in _SENTENCES:
        return _SENTENCES[error["type"]].format_map(context)
    return error["msg"].replace("Input should be", "must be")


def _joined(path: KeyPath, sentence: str) -> str:
    text = visible(sentence)
    return f"{_named(path)} {text}" if text.startswith(_CONTINUES) else f"{_named(path)}: {text}"


def _named(path: KeyPath) -> str:
    return visible(dotted(path)) if path else "the file"


def _written_path(root: Node, location: tuple[int | str, ...]) -> KeyPath:
    """The path of what was written, from where pydantic was: its own words between the keys, such as a union's, are left out."""
    path: list[str | int] = []
    node = root
    for part in location:
        below = node.child(part)
        if below is not None:
            path.append(part)
            node = below
    return tuple(path)
