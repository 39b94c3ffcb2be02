"""What single values may look like: numbers, switches, text, secrets, ids, patterns.

Each refusal is one sentence for a person.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from buildnet_cli.events.pattern import Pattern, is_event_type

T = TypeVar("T")

_LONGEST_SHOWN = 80
_LONGEST_LINE = 1000
_LONGEST_NAME = 200
_LINE_BREAKS = frozenset("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def shown(value: object) -> str:
    """A value as an error may quote it: cut to 80 characters, control and bidi characters escaped. Never for secrets."""
    if isinstance(value, str):
        cut = value[:_LONGEST_SHOWN] + ("…" if len(value) > _LONGEST_SHOWN else "")
        return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + '"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, int | float):
        return str(value)[:_LONGEST_SHOWN]
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else "something else"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "build"?` when something near is known, else nothing."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold()[:_LONGEST_SHOWN], folded, n=1)
    return f'; did you mean "{folded[near[0]]}"?' if near else ""


def flaw_in(text: str) -> str:
    """What keeps a text from being one plain line: `a line break`, `a NUL character`, `a control character`; else nothing."""
    if "\0" in text:
        return "a NUL character"
    if not _LINE_BREAKS.isdisjoint(text):
        return "a line break"
    return "a control character" if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text) else ""


# Numbers and switches


@dataclass(frozen=True)
class Between:
    """Marks an int or float that lies between two bounds, both included. unit: what it counts, for the error."""

    low: int
    high: int
    unit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner: CoreSchema = (
            core_schema.int_schema(ge=self.low, le=self.high)
            if source is int
            else core_schema.float_schema(ge=self.low, le=self.high, allow_inf_nan=False)
        )
        kind = "whole number" if source is int else "number"

        def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
            try:
                if not isinstance(value, bool):
                    return validate(value)
            except ValidationError:
                pass
            raise ValueError(f"must be a {kind} from {self.low} to {self.high} ({self.unit}), not {shown(value)}")

        return core_schema.no_info_wrap_validator_function(check, inner)


Percent = Annotated[float, Between(0, 100, "percent")]
Port = Annotated[int, Between(1, 65535, "port")]


def _switch(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:  # as a ${NAME} delivers it
        return value == "true"
    raise ValueError(f"must be true or false, not {shown(value)}")


Switch = Annotated[bool, WrapValidator(_switch)]


def _one_of(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError as exc:
        choices = re.findall(r"'([^']*)'", str(exc.errors()[0].get("ctx", {}).get("expected", "")))
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ValueError(f"must be one of {', '.join(choices)}, not {shown(value)}{near}") from None


ONE_OF = WrapValidator(_one_of)
"""Put beside a Literal or an enumeration: its error names the choices."""


def _as_list(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return value
    raise ValueError(f"must be a list, not {shown(value)}")


Items = Annotated[tuple[T, ...], BeforeValidator(_as_list)]
"""A YAML list."""


# Text


def as_text(value: Any) -> str:
    """The value, if it is text. Raises ValueError that tells to quote it."""
    if isinstance(value, str):
        return value
    raise ValueError(f"must be text, not {shown(value)}; write it in quotes if it is meant as text")


def as_line(value: Any) -> str:
    """The value, if it is one line of text, perhaps empty. Raises ValueError."""
    text = as_text(value)
    if flaw := flaw_in(text):
        raise ValueError(f"{shown(text)} holds {flaw}; give it in one line")
    if len(text) > _LONGEST_LINE:
        raise ValueError(f"{shown(text)} is too long: {len(text)} characters, at most {_LONGEST_LINE} are taken")
    return text


def _as_name(value: Any) -> str:
    text = as_line(value)
    if not text.strip():
        raise ValueError("must not be empty")
    if len(text) > _LONGEST_NAME:
        raise ValueError(f"{shown(text)} is too long: {len(text)} characters, at most {_LONGEST_NAME} are taken")
    return unicodedata.normalize("NFC", text)


def _as_optional_name(value: Any) -> str:
    return _as_name(value) if value != "" else ""


Line = Annotated[str, BeforeValidator(as_line)]
"""One line of text, perhaps empty."""
Name = Annotated[str, BeforeValidator(_as_name)]
"""What a person calls something: one line, not empty."""
OptionalName = Annotated[str, BeforeValidator(_as_optional_name)]


def _as_relative_path(value: Any) -> str:
    text = as_line(value)
    path = PurePosixPath(text)
    if not path.parts or path.is_absolute() or ".." in path.parts or text.startswith("~") or "\\" in text or ":" in text:
        raise ValueError(f"{shown(text)} must be a path inside the project, relative and without .., such as .buildnet/reports")
    return str(path)


PathInside = Annotated[str, BeforeValidator(_as_relative_path)]
"""A folder or file that may not lie outside the project (or the state folder, where there is no project)."""


# Secrets: their errors never quote them


def _secret_text(value: Any) -> str | None:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("must be text; write it in quotes, or better as ${NAME}")
    return value


def _as_password(value: Any) -> SecretStr | None:
    text = _secret_text(value)
    if text is not None and (flaw := flaw_in(text)):
        raise ValueError(f"holds {flaw}; a password is one line")
    return None if text is None else SecretStr(text)


def as_token(value: Any) -> SecretStr | None:
    """A secret that travels in a header. Raises ValueError, without quoting it, if it cannot."""
    text = _secret_text(value)
    if text is not None and (not re.fullmatch(r"[!-~]+", text) or "`" in text or "$(" in text):
        raise ValueError(
            "holds a character that no token has (a space, a line break, ` or $()); write ${NAME}, no command is ever run"
        )
    return None if text is None else SecretStr(text)


def _as_document(value: Any) -> SecretStr | None:
    text = _secret_text(value)
    return None if text is None else SecretStr(text)


Token = Annotated[SecretStr | None, BeforeValidator(as_token)]
"""A provider's credential: visible ASCII. Empty text is none."""
Password = Annotated[SecretStr | None, BeforeValidator(_as_password)]
"""One line of any characters. Empty text is none."""
Document = Annotated[SecretStr | None, BeforeValidator(_as_document)]
"""Secret text of several lines, such as a service account's JSON. Empty text is none."""


# Ids and events


def as_number_id(value: Any) -> str:
    """The digits of an id, as text. Raises ValueError, also for a leading zero: 0123 is 83 to some YAML readers."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else as_text(value)
    if not re.fullmatch(r"-?[1-9][0-9]{0,19}", text):
        raise ValueError(f'{shown(text)} is no id: write its digits, without a leading zero, in quotes, such as "123456789"')
    return text


NumberId = Annotated[str, BeforeValidator(as_number_id)]
"""An id made of digits, kept as text; a YAML number is taken as well."""
OptionalNumberId = Annotated[str, BeforeValidator(lambda value: value if value == "" else as_number_id(value))]


def _as_pattern(value: Any) -> str:
    return Pattern.parse(as_text(value)).text


def _check_event_type(text: str) -> str:
    if not is_event_type(text):
        raise ValueError(f"{shown(text)} is no event type: use lower-case segments joined by dots, such as resource.cpu.high")
    return text


EventPattern = Annotated[str, BeforeValidator(_as_pattern)]
"""A glob over event types, such as `build.*`."""
EventType = Annotated[Line, AfterValidator(_check_event_type)]
