"""The subject of a mail. Pure.

The machine stands in brackets and the package outside them: Gmail takes what is in brackets for the name of a list, and would
put unrelated alerts into one conversation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.messages.facts import Facts, one_line
from buildnet_cli.messages.fit import drop_unsafe, fit
from buildnet_cli.messages.model import Message

_LONGEST = 150
_LONGEST_ERROR = 60
_LONGEST_HOST = 60

# TS2345, E0308, CS1002, C2065: what a compiler calls its error.
_ERROR_CODE = re.compile(r"[A-Z]{1,6}[0-9]{2,6}\b")


def subject_of(message: OutgoingMessage, host: str) -> str:
    """`[ci-01] api FAILED: TS2345 routes.ts:42`; the same behind `Re:` for all that follows in the incident.

    Clients put mails into one conversation only if their subjects agree, so what has changed is told inside.
    host: the machine, unless the event names one.
    """
    if message.thread is None or message.thread.updated is None:
        return _subject(message.message, host)
    first = message.thread.updated
    return f"Re: {_subject(replace(first, title=first.was or first.title), host)}"


def host_of(message: Message, host: str) -> str:
    """The machine that an event names, else `host`."""
    return clean(Facts(message.event.payload).text("host"), _LONGEST_HOST) or clean(host, _LONGEST_HOST)


def clean(text: str, limit: int) -> str:
    """The text as part of a header: one line, without control characters."""
    return fit(one_line(drop_unsafe(text)), limit)


def _subject(message: Message, host: str) -> str:
    machine, title, error = host_of(message, host), message.headline, _first_error(message)
    if error:
        title = title.partition(" (")[0]  # how many were good before is told inside; a telephone shows forty characters
    if machine:
        title = title.removeprefix(f"{machine} ").removesuffix(f" on {machine}")
        machine = machine.translate({ord("["): None, ord("]"): None})
    prefix = f"[{machine}] " if machine else ""
    return prefix + clean(f"{title}: {error}" if error else title, _LONGEST)


def _first_error(message: Message) -> str:
    """`TS2345 routes.ts:42`, or what there is of it."""
    error = Facts(message.event.payload).part("error")
    headline, file, line = error.text("headline"), error.text("file"), error.count("line")
    if message.event.type != "build.failed" or not headline:
        return ""
    code = _ERROR_CODE.match(headline)
    place = PurePosixPath(file).name + (f":{line}" if line is not None else "") if file else ""
    return " ".join(filter(None, (code[0] if code else fit(headline, _LONGEST_ERROR), place)))
