"""Templates that people put in the place of a built-in form. Whatever one does, it ends soon and stays small.

A template prints, branches and loops over what it is given: `event` (as on every wire) and `message` (title, line, fields, code,
actions). It calls nothing, assigns nothing, and knows only the filters below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import jinja2
from jinja2.exceptions import SecurityError

from buildnet_cli.errors import ConfigError
from buildnet_cli.messages.bounded import BoundedEnvironment
from buildnet_cli.messages.model import Message

MAX_SOURCE = 65_536
"""Characters of a template."""

# The specification's own sample has `[...]`, which is no JSON. Strings are matched first, so that it is left alone inside them.
_STRING_OR_ELLIPSIS = re.compile(r'"(?:\\.|[^"\\])*"|(?P<ellipsis>\[\s*\.\.\.\s*\])')

_FAULTS = (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A template whose result is plain text. warnings: as in JsonTemplate; there is nothing to warn of."""

    _template: jinja2.Template
    _environment: BoundedEnvironment
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, source: str, environment: BoundedEnvironment | None = None) -> TextTemplate:
        """Raises ConfigError, with the line, if the template is not valid or wants what templates may not do.

        environment: shared by the templates of one document, which then share its budget too.
        """
        _check_size(source)
        environment = environment or BoundedEnvironment()
        try:
            template = cls(environment.from_string(environment.checked(source, NAMES)), environment)
            template._probe()
            return template
        except jinja2.TemplateSyntaxError as exc:
            raise ConfigError(f"the template is not valid: {exc.message}", where=f"template line {exc.lineno}") from None
        except SecurityError as exc:
            raise ConfigError(f"the template is not valid: {exc.message}") from None
        except _FAULTS as exc:
            raise ConfigError(f"the template is not valid: {type(exc).__name__}") from None

    def _probe(self) -> None:
        """Fill it once with next to nothing: what does too much whatever it is given is found before it is used."""
        self._environment.refill()
        try:
            self._template.render(_PROBE)
        except SecurityError:
            raise
        except _FAULTS:
            pass  # it may need what only a real event has

    def render(self, message: Message) -> str:
        """Raises ConfigError if the template asks for what is not there, or for too much."""
        self._environment.refill()
        return self.render_with(context_of(message))

    def render_with(self, context: Mapping[str, Any]) -> str:
        """The same, with a context from `context_of` and what is left of the budget."""
        try:
            return self._template.render(context)
        except jinja2.UndefinedError as exc:
            raise ConfigError(f"the template cannot be filled: {exc.message}", hint=_KNOWN) from None
        except _FAULTS as exc:
            raise ConfigError(
                f"the template failed: {exc}" if isinstance(exc, jinja2.TemplateError) else _sentence(exc)
            ) from None


_PROBE: dict[str, Any] = {
    "event": {
        "id": "evt_1",
        "type": "custom.probe",
        "priority": "low",
        "message": "probe",
        "subject": "",
        "source": "",
        "timestamp": "2024-01-26T12:00:00.000Z",
        "payload": {},
    },
    "message": {"title": "probe", "line": "", "fields": [], "code": "", "actions": []},
}

NAMES: Final = {name: tuple(parts) for name, parts in _PROBE.items()}
"""What a template may ask for."""

_KNOWN = (
    "there are event.id, type, priority, message, subject, source, timestamp, payload, and message.title, line, fields, code, "
    "actions; for what may be missing write {{ event.payload.x | default('') }}"
)


def _sentence(exc: Exception) -> str:
    return f"the template failed: its values do not fit together ({type(exc).__name__})"


@dataclass(frozen=True, slots=True)
class JsonTemplate:
    """A JSON document whose texts are templates. It is parsed before it is rendered, so no message can break or extend it.

    warnings: what was read otherwise than it is written.
    """

    _tree: Any
    _environment: BoundedEnvironment
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, source: str) -> JsonTemplate:
        """Raises ConfigError, with line and column, if it is no JSON or one of its texts is no valid template."""
        _check_size(source)
        text = _STRING_OR_ELLIPSIS.sub(lambda match: "[]" if match["ellipsis"] else match[0], source)
        try:
            tree = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as exc:
            raise ConfigError(
                f"the template is no JSON: {exc.msg}",
                where=f"template line {exc.lineno} column {exc.colno}",
                hint='put every {{ … }} inside a text, as in "text": "{{event.message}}"',
            ) from None
        except (RecursionError, ValueError) as exc:
            raise ConfigError(
                f"the template is no JSON: {'it is nested too deeply' if isinstance(exc, RecursionError) else exc}"
            ) from None
        warnings = ("[...] in the template is read as an empty list",) if text != source else ()
        environment = BoundedEnvironment()
        return cls(_compiled(tree, "template", environment), environment, warnings)

    def render(self, message: Message) -> str:
        """The document as JSON text, its keys the same whatever the message holds. Raises ConfigError as TextTemplate does."""
        self._environment.refill()
        return json.dumps(_rendered(self._tree, context_of(message)), ensure_ascii=False)


def _check_size(source: str) -> None:
    if not source.strip():
        raise ConfigError("the template is empty", hint="remove it to have the built-in form")
    if len(source) > MAX_SOURCE:
        raise ConfigError(f"the template has {len(source)} characters; at most {MAX_SOURCE} (64 KiB) are taken")


def context_of(message: Message) -> dict[str, Any]:
    """What a template sees."""
    return {
        "event": message.event.as_wire(),
        "message": {
            "title": message.headline,
            "line": message.line,
            "fields": [{"label": field.label, "value": field.value} for field in message.fields],
            "code": message.code,
            "actions": list(message.actions),
        },
    }


def _compiled(tree: Any, where: str, environment: BoundedEnvironment) -> Any:
    if isinstance(tree, str):
        try:
            return TextTemplate.parse(tree, environment) if "{" in tree else tree
        except ConfigError as exc:
            raise ConfigError(exc.message, hint=exc.hint, where=where) from None
    if isinstance(tree, dict):
        for name in tree:
            if "{{" in name or "{%" in name:
                raise ConfigError(f"the key {json.dumps(name)[:80]} cannot be a template, only a text can", where=where)
        return {name: _compiled(part, f"{where}.{name}"[:120], environment) for name, part in tree.items()}
    if isinstance(tree, list):
        return [_compiled(part, f"{where}[{index}]"[:120], environment) for index, part in enumerate(tree)]
    return tree


def _rendered(tree: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(tree, TextTemplate):
        return tree.render_with(context)
    if isinstance(tree, dict):
        return {name: _rendered(part, context) for name, part in tree.items()}
    if isinstance(tree, list):
        return [_rendered(part, context) for part in tree]
    return tree


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
