"""What TAB offers, answered from the generated tree of the command line. The shells' scripts call it as

    buildnet-notify __complete SHELL CWORD WORD…

SHELL: bash, zsh or fish. WORD…: the line, the program's name first. CWORD: the index of the word under the cursor.
"""

from buildnet_cli.completion_tree import COMMANDS, VALUES

WORDS, FILES, FOLDERS = 0, 10, 11
"""Exit codes: take the printed words; offer the names of files; of folders."""

_OFFERED_BY_THE_SHELL = {"<file>": FILES, "<folder>": FOLDERS}

Candidates = list[tuple[str, str]]
"""Words and their help."""


def complete(request: list[str]) -> tuple[int, str]:
    """The exit code, and one line for each word that may stand under the cursor."""
    shell, index, *words = request
    before, current = words[: int(index)], "".join(words[int(index) : int(index) + 1])
    if shell == "bash":  # it takes --option=value for three words
        before, current = [word for word in before if word != "="], "" if current == "=" else current
    kind, candidates = _offers(before, current)
    if kind in _OFFERED_BY_THE_SHELL:
        return _OFFERED_BY_THE_SHELL[kind], ""
    if shell == "bash":  # the others choose among the candidates by rules of their own
        candidates = [(word, about) for word, about in candidates if word.startswith(current)]
    return WORDS, "".join(_line(shell, word, about) for word, about in candidates)


def _offers(before: list[str], current: str) -> tuple[str, Candidates]:
    """The kind of value that belongs under the cursor (empty if it is no value), and the candidates."""
    path, given, kind = _walk(before)
    _, subcommands, _, arguments = COMMANDS[path]
    option, equals, _ = current.partition("=")
    head = ""
    if not kind and current.startswith("-"):
        if not equals:
            return "", [(name, about) for names, about, _ in _options(path) for name in names if name.startswith("--")]
        kind, head = _wanted(path, option), option + equals
    elif not kind and subcommands and not given:
        return "", [(name, COMMANDS[f"{path} {name}".lstrip()][0]) for name in subcommands]
    elif not kind:
        kind = arguments[min(given, len(arguments) - 1)]
    choices = VALUES.get(kind, ()) if kind.startswith("<") else filter(None, kind.split("|"))
    return kind, [(head + choice, "") for choice in choices]


def _walk(before: list[str]) -> tuple[str, int, str]:
    """The command reached, how many arguments it has already, and the kind of value that its last option still wants."""
    path, given, kind = "", 0, ""
    for word in before[1:]:
        child = f"{path} {word}".lstrip()
        if kind:
            kind = ""
        elif word == "--":
            return path, given, "<file>"  # what follows is somebody else's command line
        elif word.startswith("-") and word != "-":
            kind = _wanted(path, word)
        elif not given and child in COMMANDS:
            path = child
        else:
            given += 1
    return path, given, kind


def _options(path: str) -> list[tuple[tuple[str, ...], str, str]]:
    """The command's own options and the global ones, which work anywhere."""
    own, everywhere = COMMANDS[path][2], COMMANDS[""][2]
    return [*own, *(option for option in everywhere if option not in own)]


def _wanted(path: str, name: str) -> str:
    return next((kind for names, _, kind in _options(path) if name in names), "")


def _line(shell: str, word: str, about: str) -> str:
    if shell == "zsh":
        word = word.replace(":", "\\:")
    separator = {"zsh": ":", "fish": "\t"}.get(shell, "") if about else ""
    return f"{word}{separator}{about if separator else ''}\n"
