"""Puts the values of `${NAME}` and `${NAME:-default}` in place, once; `$${` stands for a literal `${`.

No shell is run, and what a variable holds is never looked at again. An unset name is an error unless its section is switched off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from buildnet_cli import redact
from buildnet_cli.config.origin import KeyPath, Node, dotted
from buildnet_cli.config.problems import Page, Problem, Severity, visible

Lookup = Callable[[str], str | None]

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]{0,127})(?::-(?P<default>(?:[^${}]|\$(?!\{))*))?\}"
    r"|(?P<broken>\$\{)"
)

# Only a value that is nothing but a command: a password or a template may well hold such characters.
_SHELL = re.compile(r"\s*(?:\$\(.*\)|`.*`)\s*", re.DOTALL)

_OFF = frozenset(("false", "no", "off", "0"))

# Ports, switches, and what every process's environment holds are no secrets; masking them would blank out ordinary text.
_SHORTEST_SECRET = 8
_PUBLIC_NAMES = frozenset(("HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TMPDIR", "TZ", "USER"))


@dataclass
class Resolved:
    """Plain data with every reference replaced.

    data: what the file says, with the values in place; a name that is not set stays as it was written.
    references: the text as written of every value that came from a reference.
    unset: the values that were left as written because a name is not set, and the section that is switched off around each.
    """

    data: object
    references: dict[KeyPath, str] = field(default_factory=dict)
    unset: dict[KeyPath, KeyPath] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def interpolate(root: Node, page: Page, environ: Mapping[str, str], lookup: Lookup) -> Resolved:
    """Resolve every text of a tree: first from the environment, then from `lookup`, then from the default written beside it.

    Empty counts as not set: an empty secret would be worse than none.
    """
    resolver = _Resolver(page, environ, lookup)
    resolver.result.data = resolver.resolve(root, (), None)
    return resolver.result


def names_in(root: Node) -> list[str]:
    """Every `${NAME}` that a tree refers to, each once, in the order of the file."""
    texts = [node.value for _, node in root.walk() if isinstance(node.value, str)]
    return list(dict.fromkeys(match["name"] for text in texts for match in _REFERENCE.finditer(text) if match["name"]))


class _Resolver:
    def __init__(self, page: Page, environ: Mapping[str, str], lookup: Lookup) -> None:
        self._page = page
        self._environ = environ
        self._lookup = lookup
        self._known: dict[str, str] = {}
        self.result = Resolved(None)

    def resolve(self, node: Node, path: KeyPath, off: KeyPath | None) -> object:
        """The value of a node. off: the outermost section around it that is switched off."""
        if isinstance(node.value, dict):
            off = path if off is None and self._is_switched_off(node) else off
            return {key: self.resolve(below, (*path, key), off) for key, below in node.value.items()}
        if isinstance(node.value, list):
            return [self.resolve(below, (*path, index), off) for index, below in enumerate(node.value)]
        if isinstance(node.value, str) and ("$" in node.value or "`" in node.value):
            return self._text(node, node.value, path, off)
        return node.value

    def _text(self, node: Node, text: str, path: KeyPath, off: KeyPath | None) -> str:
        if _SHELL.fullmatch(text):
            self._refuse(
                node, path, "looks like a shell command; no shell is ever run", hint="put the value itself in a variable: ${NAME}"
            )
            return text
        missing: list[str] = []
        for match in _REFERENCE.finditer(text):
            name = match["name"]
            if match["broken"]:
                self._refuse(
                    node,
                    path,
                    "holds a `${` that begins no ${NAME} or ${NAME:-default}",
                    hint="write $${ for a literal ${; references do not nest",
                )
                return text
            if name and match["default"] is None and self._value(name) is None and name not in missing:
                missing.append(name)
        if missing:
            self.result.references[path] = text
            if off is None:
                self._refuse_unset(node, path, missing)
            else:
                self.result.unset[path] = off
            return text
        if any(match["name"] for match in _REFERENCE.finditer(text)):
            self.result.references[path] = text
        return _REFERENCE.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        if match["escaped"]:
            return "${"
        value = self._value(match["name"])
        return value if value is not None else match["default"]

    def _value(self, name: str) -> str | None:
        """What a name stands for; it is remembered, so that a secret store is asked once."""
        if name not in self._known:
            value = self._environ.get(name) or self._lookup(name) or ""
            if len(value) >= _SHORTEST_SECRET and name not in _PUBLIC_NAMES:
                redact.register(value)
            self._known[name] = value
        return self._known[name] or None

    def _is_switched_off(self, section: Node) -> bool:
        switch = section.child("enabled")
        if switch is None or isinstance(switch.value, dict | list):
            return False
        if isinstance(switch.value, str):
            return _REFERENCE.sub(lambda match: (match["name"] and self._replacement(match)) or "", switch.value).lower() in _OFF
        return switch.value is False

    def _refuse_unset(self, node: Node, path: KeyPath, names: list[str]) -> None:
        verb = "is" if len(names) == 1 else "are"
        hint = f"buildnet-notify secrets set {names[0]}   (or: export {names[0]}=…)"
        message = f"{visible(dotted(path))} needs {' and '.join(names)}, which {verb} not set"
        self.result.problems.append(self._page.problem(Severity.ERROR, message, node.place, hint=hint, path=path))

    def _refuse(self, node: Node, path: KeyPath, what: str, *, hint: str) -> None:
        message = f"{visible(dotted(path))} {what}"
        # The value may be a secret with a slip in it, so the line is shown up to where it begins.
        until = node.place.column
        problem = self._page.problem(Severity.ERROR, message, node.place, hint=hint, path=path, shown_until=until)
        self.result.problems.append(problem)
