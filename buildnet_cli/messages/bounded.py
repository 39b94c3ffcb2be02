"""The small language of our templates: Jinja2 without calls and assignments, in which every step is paid for from a budget."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

BUDGET = 200_000
"""What one rendering may use: a unit for each part of a loop in each of its rounds, and for each character made or printed."""

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Test,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Pos,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
)

_TESTS = (
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "mapping",
    "iterable",
    "boolean",
    "true",
    "false",
    "in",
    "odd",
    "even",
)

_LARGEST_NUMBER = 10**15

_FILTERS: dict[str, Callable[..., Any]] = {
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "capitalize": lambda value: str(value).capitalize(),
    "trim": lambda value: str(value).strip(),
    "string": str,
    "int": lambda value, default=0: _to_number(int, value, default),
    "float": lambda value, default=0.0: _to_number(float, value, default),
    "round": lambda value, digits=0: round(float(value), min(max(int(digits), 0), 9)),
    "length": len,
    "count": len,
    "first": lambda value: next(iter(value), ""),
    "last": lambda value: next(reversed(value), ""),
    "items": lambda value: list(value.items()),
    "default": lambda value, other="": other if isinstance(value, jinja2.Undefined) or value is None else value,
    "truncate": lambda value, length=255: (
        str(value) if len(str(value)) <= int(length) else str(value)[: max(int(length) - 1, 0)] + "…"
    ),
    "tojson": lambda value: json.dumps(value, ensure_ascii=False),
}
_FILTERS["d"] = _FILTERS["default"]


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """One template's environment, with the budget of the rendering under way. Not to be shared between threads."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, finalize=self._print, autoescape=False, keep_trailing_newline=True)
        self._left = BUDGET
        self.globals.clear()
        self.filters = {name: self._paid(function) for name, function in _FILTERS.items()}
        self.filters |= {"join": self._join, "replace": self._replace, "each round": self._rounds, "concat": self._concat}
        self.tests = {name: self.tests[name] for name in _TESTS}

    def refill(self) -> None:
        """Begin a rendering with the whole budget."""
        self._left = BUDGET

    def checked(self, source: str, names: Mapping[str, Collection[str]]) -> nodes.Template:
        """The parsed template. Raises TemplateSyntaxError, with the line, for anything outside the language.

        names: what there is, and what each of them has.
        """
        tree = self.parse(source)
        _check_names(tree, names)
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _ALLOWED):
                raise jinja2.TemplateSyntaxError(f"a template cannot use {_name_of(node)} here", node.lineno)
        _Metered().visit(tree)
        return tree

    def pay(self, units: int) -> None:
        """Raises SecurityError once the budget is used up."""
        self._left -= units
        if self._left < 0:
            raise SecurityError("it does too much or says too much")

    # Jinja2's hooks. A name after a dot is a key of what we handed in, never a Python attribute.

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, jinja2.Undefined):
            return obj
        if isinstance(obj, Mapping | list | tuple | str):
            with contextlib.suppress(LookupError, TypeError):
                return obj[argument]
        return self.undefined(f'there is no "{argument}"')

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        for value in (left, right):
            if isinstance(value, jinja2.Undefined):
                str(value)  # a strict one complains here, by name
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            self.pay(len(left) + len(right))
            return left + right
        if operator == "**" or not all(_is_small_number(value) for value in (left, right)):
            raise SecurityError(f"{operator} works on ordinary numbers only")
        return super().call_binop(context, operator, left, right)

    def _print(self, value: Any) -> Any:
        if isinstance(value, jinja2.Undefined):
            return value
        text = (
            "" if value is None else str(value) if not isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)
        )
        self.pay(len(text))
        return text

    def _paid(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def paid(value: Any, *args: Any, **options: Any) -> Any:
            if isinstance(value, jinja2.Undefined) and function is not _FILTERS["default"]:
                str(value)  # a strict one complains here, by name
            result = function(value, *args, **options)
            self.pay(1 + (len(result) if isinstance(result, Sized) else 0))
            return result

        return paid

    def _join(self, values: Iterable[Any], separator: str = "") -> str:
        texts = [str(value) for value in values]
        self.pay(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    def _replace(self, value: Any, old: str, new: str) -> str:
        text = str(value)
        self.pay(len(text) + text.count(old) * len(new))
        return text.replace(old, new)

    def _concat(self, values: list[Any]) -> str:
        return self._join(["" if value is None else value for value in values])

    def _rounds(self, values: Any, cost: int) -> Iterator[Any]:
        for value in values:
            self.pay(cost)
            yield value


class _Metered(NodeTransformer):
    """Puts a meter on loops and on `~`."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        cost = nodes.Const(sum(1 for _ in node.find_all(nodes.Node)), lineno=node.lineno)
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "each round", [cost], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes, lineno=node.lineno), "concat", [], [], None, None, lineno=node.lineno)


def _check_names(tree: nodes.Template, names: Mapping[str, Collection[str]]) -> None:
    """Whatever a template asks of something that is always there has to be there; what a payload holds is known when it comes."""
    loop_names = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"} | {"loop"}
    for name in tree.find_all(nodes.Name):
        if name.name not in names and name.name not in loop_names:
            raise jinja2.TemplateSyntaxError(f'there is no "{name.name}", only {" and ".join(names)}', name.lineno)
    for attribute in reversed(list(tree.find_all(nodes.Getattr))):  # the innermost first, as it is read
        owner = attribute.node.name if isinstance(attribute.node, nodes.Name) else ""
        known = names.get(owner) if owner not in loop_names else None
        if attribute.attr.startswith("__") or (known is not None and attribute.attr not in known):
            has = f"; it has {', '.join(known)}" if known is not None else ""
            raise jinja2.TemplateSyntaxError(f'{owner or "a value"} has no "{attribute.attr}"{has}', attribute.lineno)


def _name_of(node: nodes.Node) -> str:
    return {nodes.Call: "a call", nodes.Pow: "**", nodes.Assign: "set"}.get(type(node), type(node).__name__.lower())


def _is_small_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER


def _to_number(kind: Callable[[Any], Any], value: Any, default: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return default
