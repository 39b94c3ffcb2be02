"""How problems are shown: to a person, to GitHub, to a program."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.config.origin import Place
from buildnet_cli.config.problems import InvalidConfigError, Page, Severity, as_github, as_text, masked_line, quoted, visible

TEXT = "# a\nnotifications:\n  enabled: true\n\n  chanels:\n    sms: {}\n"
PAGE = Page(".buildnet/notifications.yaml", TEXT)
MISSPELT = PAGE.problem(
    Severity.ERROR, 'unknown key "chanels", did you mean "channels"?', Place(5, 3, 7), path=("notifications", "chanels")
)


def test_a_problem_is_shown_with_its_line_and_a_caret() -> None:
    assert as_text([MISSPELT]) == (
        '.buildnet/notifications.yaml:5:3 error: unknown key "chanels", did you mean "channels"?\n'
        "     5 |   chanels:\n"
        "       |   ^^^^^^^\n"
    )


def test_a_hint_follows_its_problem() -> None:
    problem = PAGE.problem(Severity.WARNING, "it is off", Place(3, 12, 4), hint="turn it on")
    assert as_text([problem]).splitlines() == [
        ".buildnet/notifications.yaml:3:12 warning: it is off",
        "     3 |   enabled: true",
        "       |            ^^^^",
        "       → turn it on",
    ]


def test_a_problem_without_a_place_names_the_file_alone() -> None:
    assert as_text([PAGE.problem(Severity.ERROR, "it is a FIFO")]) == ".buildnet/notifications.yaml error: it is a FIFO\n"


def test_github_gets_an_annotation_whose_text_cannot_end_it() -> None:
    problem = Page("a,b:c.yaml", TEXT).problem(Severity.NOTE, "100 %\nsure", Place(3, 12), hint="look")
    assert as_github([problem]) == "::notice file=a%2Cb%3Ac.yaml,line=3,col=12::100 %25%0Asure; look\n"
    assert as_github([MISSPELT]).startswith("::error file=.buildnet/notifications.yaml,line=5,col=3::unknown key")


def test_a_program_gets_the_fields() -> None:
    assert MISSPELT.as_dict() == {
        "severity": "error",
        "message": 'unknown key "chanels", did you mean "channels"?',
        "hint": "",
        "file": ".buildnet/notifications.yaml",
        "line": 5,
        "column": 3,
        "path": "notifications.chanels",
    }


def test_values_are_cut_and_cannot_steer_a_terminal() -> None:
    assert quoted("admin\u202egnp.exe") == '"admin\\u202egnp.exe"'
    assert quoted("\x1b[2J") == '"\\u001b[2J"'
    assert len(quoted("x" * 5000)) == 82


def test_a_registered_secret_is_in_no_part_of_a_problem() -> None:
    redact.register("q7-hidden-value-31")
    page = Page("f.yaml", "some: q7-hidden-value-31\n")
    problem = page.problem(Severity.ERROR, "q7-hidden-value-31 is wrong", Place(1, 7), hint="not q7-hidden-value-31")
    assert "hidden" not in as_text([problem]) + as_github([problem]) + str(problem.as_dict())


def test_a_line_is_blanked_behind_a_key_that_sounds_like_a_secret() -> None:
    for line in (
        'bot_token: "xoxb-1',
        "  password: hunter2",
        "- key: abc",
        "  X-Auth-Token: t",
        '{"api_key": "zzz"}',
        "auth: tok",
    ):
        shown = masked_line(line)
        assert shown.endswith("***"), line
    assert masked_line('  bot_token: "${SLACK_BOT_TOKEN}"  # from Slack') == '  bot_token: "${SLACK_BOT_TOKEN}"  # from Slack'
    assert masked_line("  keywords: carrier") == "  keywords: carrier"


def test_what_follows_the_shown_part_of_a_line_is_blanked() -> None:
    page = Page("f.yaml", "a:\n  bot_tokn: xoxb-1\n")
    problem = page.problem(Severity.ERROR, "unknown key", Place(2, 3, 8), shown_until=12)
    assert problem.excerpt == "  bot_tokn: ***"


def test_a_long_line_is_shown_around_its_fault() -> None:
    page = Page("f.yaml", "cron: " + "1," * 50_000 + "!\n")
    problem = page.problem(Severity.ERROR, "too long", Place(1, 100_007))
    paragraph = as_text([problem]).splitlines()
    assert all(len(line) < 130 for line in paragraph)
    assert paragraph[1][paragraph[2].index("^")] == "!"


def test_the_caret_stands_under_wide_characters() -> None:
    page = Page("f.yaml", "名前: x\n")
    assert as_text([page.problem(Severity.ERROR, "m", Place(1, 5))]).splitlines()[2] == "       |       ^"


def test_an_invalid_configuration_says_its_first_error_and_how_many_there_are() -> None:
    warning = PAGE.problem(Severity.WARNING, "a warning", Place(1, 1))
    other = PAGE.problem(Severity.ERROR, "another", Place(6, 5))
    error = InvalidConfigError("f", [warning, MISSPELT, other])
    assert error.message == 'unknown key "chanels", did you mean "channels"? (and 1 more)'
    assert error.where == ".buildnet/notifications.yaml:5:3"
    assert error.report().count("\n.buildnet") == 2


@given(st.text())
def test_shown_text_is_always_printable(text: str) -> None:
    assert visible(text).isprintable()


@given(st.text(), st.integers(1, 400), st.integers(1, 400), st.one_of(st.none(), st.integers(1, 50)))
def test_any_line_can_be_shown(line: str, column: int, length: int, until: int | None) -> None:
    problem = Page("f", line).problem(Severity.ERROR, "m", Place(1, column, length), shown_until=until)
    assert all(part.isprintable() for part in as_text([problem]).split("\n"))


def test_masking_a_line_takes_time_in_proportion_to_its_length() -> None:
    for unit in ("a", "token", "a-", "token ", "key: ", "token\t"):
        began = time.process_time()
        masked_line("x: " + unit * (200_000 // len(unit)))
        assert time.process_time() - began < 1, unit


def test_a_thousand_problems_on_one_long_line_are_told_at_once() -> None:
    page = Page("config.json", '{"name": "a", "path": "a"}, ' * 2000)
    began = time.process_time()
    problems = [page.problem(Severity.NOTE, "something is missing", Place(1, 1 + 28 * index, 1)) for index in range(1000)]
    assert time.process_time() - began < 2
    assert problems[999].excerpt[problems[999].caret - 1] == "{"
