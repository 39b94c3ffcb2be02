"""The way from the file to the configuration: read, parse, put the variables in, validate, and tell every problem at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from buildnet_cli import redact
from buildnet_cli.config.document import read_document
from buildnet_cli.config.interpolate import Lookup, Resolved, interpolate, names_in
from buildnet_cli.config.lint import remarks_on
from buildnet_cli.config.origin import KeyPath, Node, Origins, Place, dotted
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity, visible
from buildnet_cli.config.remark import Remark
from buildnet_cli.config.root import Config
from buildnet_cli.config.section import Section
from buildnet_cli.config.shape import is_public_header
from buildnet_cli.config.source import Source, read_source
from buildnet_cli.config.validation import check
from buildnet_cli.net.address import is_private_host


@dataclass(frozen=True)
class Loaded:
    """A valid configuration, and where everything in it came from.

    problems: warnings and notes; errors would have been raised.
    references: what was written for each value that came from a `${NAME}`.
    secrets: the paths of all credentials, written or not.
    literals: those credentials that stand in the file as they are.
    """

    config: Config
    file: str
    text: str = field(repr=False)
    problems: tuple[Problem, ...]
    origins: Origins = field(repr=False)
    references: Mapping[KeyPath, str]
    secrets: frozenset[KeyPath]
    literals: Mapping[KeyPath, str] = field(repr=False, default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Every `${NAME}` in it."""
        return names_in(self.origins.root)


def load(path: Path, lookup: Lookup, *, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Load a configuration file.

    lookup: asks the secret store for a name that the environment does not hold.
    Raises InvalidConfigError, which carries all problems, if the file is missing, unsafe or wrong.
    """
    return load_source(read_source(path), str(path), lookup, environ=environ)


def names_used(path: Path) -> list[str]:
    """Every `${NAME}` in a file, whether it is set or not. Raises InvalidConfigError if the file cannot be read as YAML."""
    text = read_source(path).text
    page = Page(str(path), text)
    document = read_document(text, page)
    if document.root is None and document.problems:
        raise InvalidConfigError(page.file, document.problems)
    return names_in(document.root) if document.root is not None else []


def load_text(text: str, file: str, lookup: Lookup, *, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Load a configuration that is not, or not yet, a file of its own. file: what to call it. Raises InvalidConfigError."""
    return load_source(Source(text, mode=0o600), file, lookup, environ=environ)


def load_source(source: Source, file: str, lookup: Lookup, *, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Load text with the mode it was stored under. Raises InvalidConfigError."""
    page = Page(file, source.text)
    document = read_document(source.text, page)
    problems = list(document.problems)
    if document.root is None and problems:
        raise InvalidConfigError(file, problems)
    root = document.root if document.root is not None else Node(Place(1, 1), {})
    if not isinstance(root.value, dict):
        problems.append(_not_a_mapping(root, page))
        raise InvalidConfigError(file, problems)
    resolved = interpolate(root, page, environ, lookup)
    problems += resolved.problems
    checked = check(Config, root, resolved, page)
    known = {problem.path for problem in problems}
    problems += [problem for problem in checked.problems if problem.path not in known or not problem.path]
    if checked.value is None or any(problem.severity is Severity.ERROR for problem in problems):
        raise InvalidConfigError(file, sorted(problems, key=lambda problem: (problem.line, problem.column)))
    secrets = dict(_secrets_of(checked.value))
    sensitive = [path for path in secrets if path not in resolved.unset and not is_public_header(path)]
    for path in sensitive:
        redact.register(secrets[path])
    origins = Origins(file, root)
    remarks = remarks_on(checked.value, exists=lambda path: Path(path).exists())
    problems = [_as_problem(remark, origins, secrets, page) for remark in remarks if remark.path not in resolved.unset]
    literals = {path: secrets[path] for path in sensitive if _is_literal(path, secrets[path], root, resolved)}
    if literals and source.is_readable_by_others:
        problems.append(_readable_secret(list(literals), source, origins, page))
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return Loaded(checked.value, file, source.text, tuple(problems), origins, resolved.references, frozenset(secrets), literals)


def _not_a_mapping(root: Node, page: Page) -> Problem:
    found = "a list" if isinstance(root.value, list) else "a single value"
    return page.problem(
        Severity.ERROR,
        f"the file must be a mapping (keys with values), not {found}",
        root.place,
        hint="begin with `notifications:`; buildnet-notify config sample shows a whole file",
    )


def _is_literal(path: KeyPath, secret: str, root: Node, resolved: Resolved) -> bool:
    """Whether a credential is written out in the file. The address of a service on this machine or beside it is none."""
    if path in resolved.references or root.at(path) is None:
        return False
    return not (path[-1] == "url" and is_private_host(urlsplit(secret).hostname or ""))


def _secrets_of(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every credential of a configuration, under the key it has in the file."""
    if isinstance(value, SecretStr):
        yield path, value.get_secret_value()
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _secrets_of(getattr(value, name), (*path, value.key_of(name)))
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _secrets_of(below, (*path, str(key)))
    elif isinstance(value, tuple | list):
        for index, below in enumerate(value):
            yield from _secrets_of(below, (*path, index))


def _as_problem(remark: Remark, origins: Origins, secrets: Collection[KeyPath], page: Page) -> Problem:
    severity = Severity.NOTE if remark.is_note else Severity.WARNING
    place = origins.place_of(remark.path)
    message = f"{visible(dotted(remark.path))}: {visible(remark.message)}"
    until = place.column if remark.path in secrets else None
    return page.problem(severity, message, place, hint=remark.hint, path=remark.path, shown_until=until)


def _readable_secret(literal: list[KeyPath], source: Source, origins: Origins, page: Page) -> Problem:
    count = "a secret" if len(literal) == 1 else f"{len(literal)} secrets"
    return page.problem(
        Severity.WARNING,
        f"the file holds {count} in plain text, and its mode {source.mode:04o} lets others read it; 0600 would not",
        origins.place_of(literal[0]),
        path=literal[0],
        hint=f"chmod 0600 {page.file}, and move them into the keyring: buildnet-notify secrets import",
        shown_until=origins.place_of(literal[0]).column,
    )
