"""The inbox as a web page: a telephone, a mailbox and chats side by side, with what each recipient got, newest first.

Every value is escaped, nothing comes from elsewhere. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from html import escape
from importlib import resources

from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.reading import Reading

_MOST_PER_RECIPIENT = 50

# Where a person would look, by provider; the last takes everything else.
_DEVICES: tuple[tuple[str, frozenset[str]], ...] = (
    ("Telephone", frozenset({"twilio", "fcm"})),
    ("Mail", frozenset({"smtp", "sendgrid", "ses"})),
    ("Chats", frozenset({"slack", "discord", "telegram"})),
    ("Webhooks", frozenset()),
)
_ELSEWHERE = frozenset().union(*(kinds for _, kinds in _DEVICES))

# By the words of the title alone, as the page shows whatever came. Good news may speak of a failure that is over, and a failure
# of what was ok before it.
_TONES = (
    ("good", ("FIXED", "RECOVERED", "NORMAL")),
    ("problem", ("FAIL", "ERROR", "CRITICAL", "STOPPED", ".LOW", ".HIGH", " LOW", " HIGH")),
    ("warning", ("WARNING", "DENIED", "LOCKED", "THRESHOLD", "CANCELLED")),
    ("good", (" OK", "COMPLETED", "CACHED")),
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Inbox · buildnet-notify sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/inbox.css">
<script src="/inbox.js" defer></script>
<noscript><meta http-equiv="refresh" content="3"></noscript>
</head>
<body>
<header>
<h1>Inbox</h1>
<p>What the stand-in providers on this machine have received. Nothing left it.</p>
</header>
<main id="inbox" data-last="{last}" aria-live="polite">
{devices}
</main>
</body>
</html>
"""

_EMPTY = (
    '<p class="empty">Nothing has arrived yet. Point a webhook at <code>/hooks/NAME</code> on this address and send a test.</p>'
)


def asset(name: str) -> str:
    """One of the page's own files: `inbox.css`, `inbox.js`."""
    return resources.files("buildnet_cli.sandbox").joinpath("assets", name).read_text("utf-8")


def render(messages: Sequence[Received]) -> str:
    """The page for these messages, which come oldest first."""
    shown = _up_to_date(messages)
    devices = "\n".join(filter(None, (_device(name, kinds, shown) for name, kinds in _DEVICES)))
    return _PAGE.format(last=messages[-1].number if messages else 0, devices=devices or _EMPTY)


def _up_to_date(messages: Sequence[Received]) -> list[Received]:
    """What a person sees who looks now: a message that was changed stands where it stood, as it reads today."""
    shown: dict[int, Received] = {}
    for message in messages:
        first = shown.get(message.replaces)
        if first is None:
            shown[message.number] = message
        elif message.answered < 300:
            shown[first.number] = replace(first, reading=message.reading, body=message.body)
    return list(shown.values())


def _newest_first(messages: Sequence[Received]) -> list[Received]:
    """By what came last; the answers to a message stand below it."""
    known = {message.number for message in messages}
    threads: dict[int, list[Received]] = {}
    for message in messages:
        threads.setdefault(message.thread if message.thread in known else message.number, []).append(message)
    latest_first = sorted(threads.values(), key=lambda thread: thread[-1].number, reverse=True)
    return [message for thread in latest_first for message in thread]


def _device(name: str, kinds: Collection[str], messages: Sequence[Received]) -> str:
    by_recipient: dict[str, list[Received]] = {}
    for message in _newest_first(messages):
        if message.provider in kinds or (not kinds and message.provider not in _ELSEWHERE):
            by_recipient.setdefault(message.recipient, []).append(message)
    if not by_recipient:
        return ""
    sections = "\n".join(_section(recipient, received) for recipient, received in by_recipient.items())
    return f'<div class="device">\n<h2>{name}</h2>\n{sections}\n</div>'


def _section(name: str, received: Sequence[Received]) -> str:
    articles = "\n".join(map(_article, received[:_MOST_PER_RECIPIENT]))
    heading = f'<h3><span class="name">{escape(name)}</span> <span class="count">{len(received)}</span></h3>'
    return f'<section aria-label="{escape(name)}">\n{heading}\n{articles}\n</section>'


def _article(message: Received) -> str:
    reading = message.reading
    was = f" <del>{escape(reading.was)}</del>" if reading.was else ""
    parts = [
        f'<div class="top"><h4>{escape(reading.title)}{was}</h4>'
        f'<span class="when">{message.received_at:%H:%M:%S} UTC</span></div>',
        f'<p class="line">{escape(reading.line)}</p>' if reading.line else "",
        _facts(reading.fields),
        f"<pre>{escape(reading.code)}</pre>" if reading.code else "",
        f'<p class="note"><span class="badge">{reading.form}</span>{_refusal(message)} {escape(reading.note)}</p>',
        _raw(message),
    ]
    answer = " answer" if message.thread else ""
    return f'<article class="{_tone(reading)}{answer}">\n{_joined(parts)}\n</article>'


def _facts(fields: Sequence[tuple[str, str]]) -> str:
    pairs = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in fields)
    return f"<dl>{pairs}</dl>" if pairs else ""


def _refusal(message: Received) -> str:
    if message.answered == 0:
        return '<span class="badge refused">left hanging</span>'
    return f'<span class="badge refused">answered {message.answered}</span>' if message.answered >= 300 else ""


def _raw(message: Received) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in sorted(message.headers.items()))
    body = message.body if isinstance(message.body, str) else json.dumps(message.body, indent=2, ensure_ascii=False)
    return (
        f'<details id="raw-{message.number}"><summary>Request {message.number}</summary>'
        f"<pre>{escape(headers)}</pre><pre>{escape(body)}</pre></details>"
    )


def _tone(reading: Reading) -> str:
    title = reading.title.upper()
    return next((tone for tone, words in _TONES if any(word in title for word in words)), "neutral")


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(filter(None, parts))
