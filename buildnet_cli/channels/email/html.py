"""A letter as HTML that mail clients show alike: one column, inline styles, nothing from elsewhere. Pure.

Gmail knows no `prefers-color-scheme` and turns the colours round on its own; so there are no fills that carry meaning: the state
is a word in a border, and every text is dark on white. Clients that know it get colours of our own for the dark.
Source: "Can I email" on `prefers-color-scheme`, `color-scheme` and `<style>`; Gmail cuts a mail off at 102 KB.
"""

from __future__ import annotations

from html import escape
from typing import Final

from buildnet_cli.channels.email.letter import Letter
from buildnet_cli.messages.model import Tone

WORDS: Final = {Tone.GOOD: "OK", Tone.NEUTRAL: "INFO", Tone.WARNING: "WARNING", Tone.PROBLEM: "PROBLEM"}

LIGHT: Final = {
    "page": "#ffffff",
    "text": "#1f2328",
    "soft": "#57606a",
    "line": "#d0d7de",
    "box": "#f6f8fa",
    Tone.GOOD: "#1a7f37",
    Tone.NEUTRAL: "#57606a",
    Tone.WARNING: "#8a5a00",
    Tone.PROBLEM: "#b3261e",
}
DARK: Final = {
    "page": "#14181d",
    "text": "#e6edf3",
    "soft": "#a3adb8",
    "line": "#3a424c",
    "box": "#1d232a",
    Tone.GOOD: "#4fc26b",
    Tone.NEUTRAL: "#a3adb8",
    Tone.WARNING: "#e0a83c",
    Tone.PROBLEM: "#ff8078",
}

_SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"

# Fills the preview that a list of mails shows, so that it ends where we want it to.
_FILLER = "&#847;&zwnj;&nbsp;" * 40

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>
:root {{ color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{
{dark}
}}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:{page};-webkit-text-size-adjust:100%">
<div style="display:none;max-height:0;overflow:hidden;opacity:0">{preview}{filler}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:{page}">
<tr><td align="center" style="padding:24px 16px">
<!--[if mso]><table role="presentation" width="600"><tr><td><![endif]-->
<table role="presentation" cellpadding="0" cellspacing="0" border="0" \
style="width:100%;max-width:600px;text-align:left;font-family:{sans};color:{text}" class="text">
{rows}
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr>
</table>
</body>
</html>
"""


def as_html(letter: Letter) -> str:
    """The whole document, below 100 KB whatever the letter holds."""
    rows = filter(None, (_head(letter), _facts(letter), _log(letter), _actions(letter), _foot(letter)))
    return _PAGE.format(
        subject=escape(letter.subject),
        preview=escape(f"{letter.headline}: {letter.line}" if letter.subject.startswith("Re: ") else letter.line),
        filler=_FILLER,
        dark=_DARK_RULES,
        page=LIGHT["page"],
        text=LIGHT["text"],
        sans=_SANS,
        rows="\n".join(f"<tr><td>\n{row}\n</td></tr>" for row in rows),
    )


def _head(letter: Letter) -> str:
    tone, colour = letter.tone.value, LIGHT[letter.tone]
    return (
        f'<div class="{tone}" style="border-left:4px solid {colour};padding:2px 0 2px 16px;color:{colour}">\n'
        f'<span style="display:inline-block;border:2px solid {colour};border-radius:4px;padding:1px 7px;'
        f'font-size:12px;line-height:18px;font-weight:700;letter-spacing:.06em" class="{tone}">{WORDS[letter.tone]}</span>\n'
        f'<h1 class="text" style="margin:10px 0 6px;font-size:22px;line-height:28px;font-weight:700;color:{LIGHT["text"]};'
        f'overflow-wrap:anywhere">{escape(letter.headline)}</h1>\n'
        f'<p class="text" style="margin:0;font-size:16px;line-height:24px;color:{LIGHT["text"]};overflow-wrap:anywhere">'
        f"{escape(letter.line)}</p>\n</div>"
    )


def _facts(letter: Letter) -> str:
    if not letter.fields:
        return ""
    soft = f'class="soft" valign="top" style="padding:5px 16px 5px 0;color:{LIGHT["soft"]};white-space:nowrap"'
    rows = "\n".join(
        f'<tr><td {soft}>{escape(label)}</td><td class="text" valign="top" '
        f'style="padding:5px 0;color:{LIGHT["text"]};overflow-wrap:anywhere">{escape(value)}</td></tr>'
        for label, value in letter.fields
    )
    style = "margin:20px 0 0;font-size:15px;line-height:22px"
    return f'<table cellpadding="0" cellspacing="0" border="0" style="{style}">\n{rows}\n</table>'


def _log(letter: Letter) -> str:
    if not letter.code:
        return ""
    return (
        f'<pre class="box text" style="margin:20px 0 0;padding:12px 14px;background:{LIGHT["box"]};color:{LIGHT["text"]};'
        f"border:1px solid {LIGHT['line']};border-radius:6px;font-family:{_MONO};font-size:13px;line-height:19px;"
        f'white-space:pre-wrap;overflow-wrap:anywhere">{escape(letter.code)}</pre>'
    )


def _actions(letter: Letter) -> str:
    if not letter.actions:
        return ""
    offered = " &nbsp; ".join(_typed(action) for action in letter.actions)
    return (
        f'<p class="soft" style="margin:20px 0 0;font-size:15px;line-height:26px;color:{LIGHT["soft"]}">Commands: {offered}</p>'
    )


def _foot(letter: Letter) -> str:
    hints = "".join(f"<br>\n{escape(label)}: {_typed(command)}" for label, command in letter.commands)
    return (
        f'<p class="soft rule" style="margin:28px 0 0;padding:14px 0 0;border-top:1px solid {LIGHT["line"]};'
        f'font-size:13px;line-height:21px;color:{LIGHT["soft"]};overflow-wrap:anywhere">'
        f"{escape(letter.facts)}<br>\n{escape(letter.reason)}{hints}</p>"
    )


def _typed(command: str) -> str:
    return (
        f'<code class="box text" style="font-family:{_MONO};font-size:.92em;color:{LIGHT["text"]};background:{LIGHT["box"]};'
        f'border:1px solid {LIGHT["line"]};border-radius:4px;padding:1px 5px">{escape(command)}</code>'
    )


_DARK_RULES = "\n".join(
    (
        f".page {{ background: {DARK['page']} !important; }}",
        f".text {{ color: {DARK['text']} !important; }}",
        f".soft {{ color: {DARK['soft']} !important; }}",
        f".rule {{ border-color: {DARK['line']} !important; }}",
        f".box {{ background: {DARK['box']} !important; border-color: {DARK['line']} !important; }}",
        *(f".{tone.value} {{ color: {DARK[tone]} !important; border-color: {DARK[tone]} !important; }}" for tone in Tone),
    )
)
