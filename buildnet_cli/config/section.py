"""The parent of every configuration section: unknown keys are errors, values never change, and a key may have two spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from buildnet_cli.config.fields import shown

Spelling = tuple[str, ...]
"""Where a key may be written: `("warning",)`, or `("thresholds", "warning")` one level down."""


class Section(BaseModel):
    """One mapping of the YAML file.

    A field whose validation_alias is an AliasChoices may be written in several ways; the first is the one we write ourselves.
    The same value written twice is taken, two different ones are an error.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        serialize_by_alias=True,
    )

    @classmethod
    def key_of(cls, field_name: str) -> str:
        """The key under which a field stands in the file: `from` for `sender`."""
        field = cls.model_fields[field_name]
        if isinstance(field.validation_alias, AliasChoices):
            return _spellings(field.validation_alias)[0][0]
        return field.alias or field_name

    @classmethod
    def _alternatives(cls) -> Iterator[tuple[str, list[Spelling]]]:
        for name, field in cls.model_fields.items():
            if isinstance(field.validation_alias, AliasChoices):
                yield name, _spellings(field.validation_alias)

    @model_validator(mode="before")
    @classmethod
    def _settle_spellings(cls, data: Any) -> Any:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise ValueError(f"must be a mapping (keys with values), not {shown(data)}")
        alternatives = list(cls._alternatives())
        if not alternatives:
            return data
        _refuse_unknown_nested(cls.__name__, data, [spelling for _, spellings in alternatives for spelling in spellings])
        settled = {key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()}
        for _, spellings in alternatives:
            written = [spelling for spelling in spellings if _is_written(settled, spelling)]
            for other in written[1:]:
                if _read(settled, other) != _read(settled, written[0]):
                    raise ValueError(
                        f"{'.'.join(written[0])} and {'.'.join(other)} are two spellings of one setting "
                        "and hold different values; keep one of them"
                    )
                _remove(settled, other)
        return settled

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for _, spellings in cls._alternatives():
            first, *others = spellings
            for other in others:
                into = properties
                for part in other[:-1]:
                    into = into.setdefault(part, {"type": "object", "additionalProperties": False, "properties": {}})[
                        "properties"
                    ]
                into[other[-1]] = {**properties[first[0]], "description": f"Another way to write `{first[0]}`."}
        return schema


def _spellings(choices: AliasChoices) -> list[Spelling]:
    return [
        tuple(str(part) for part in choice.path) if isinstance(choice, AliasPath) else (choice,) for choice in choices.choices
    ]


def _refuse_unknown_nested(title: str, data: Mapping[str, Any], spellings: list[Spelling]) -> None:
    """Pydantic looks for a nested spelling but does not ask what else stands beside it."""
    errors: list[InitErrorDetails] = []
    for root in {spelling[0] for spelling in spellings if len(spelling) > 1} & data.keys():
        nested = data[root]
        if not isinstance(nested, Mapping):
            flaw = PydanticCustomError("mapping", "must be a mapping (keys with values), not {found}", {"found": shown(nested)})
            errors.append(InitErrorDetails(type=flaw, loc=(root,), input=None))
            continue
        known = {spelling[1] for spelling in spellings if len(spelling) > 1 and spelling[0] == root}
        errors += [InitErrorDetails(type="extra_forbidden", loc=(root, key), input=None) for key in nested if key not in known]
    if errors:
        raise ValidationError.from_exception_data(title, errors, hide_input=True)


def _is_written(data: Mapping[str, Any], spelling: Spelling) -> bool:
    return spelling[0] in data and (len(spelling) == 1 or spelling[1] in data[spelling[0]])


def _read(data: Mapping[str, Any], spelling: Spelling) -> Any:
    return data[spelling[0]] if len(spelling) == 1 else data[spelling[0]][spelling[1]]


def _remove(data: dict[str, Any], spelling: Spelling) -> None:
    if len(spelling) == 1:
        del data[spelling[0]]
        return
    del data[spelling[0]][spelling[1]]
    if not data[spelling[0]]:
        del data[spelling[0]]
