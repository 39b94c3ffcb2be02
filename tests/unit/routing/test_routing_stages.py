"""The stages one by one, each trap of routing as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.config.channels.email import Email
from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Action, Case, Stage, Target
from buildnet_cli.routing.dedup import identity
from buildnet_cli.routing.match import Route, RoutingTable
from buildnet_cli.routing.pipeline import decide
from buildnet_cli.routing.quiet_hours import judge
from buildnet_cli.routing.rules import Rules
from buildnet_cli.routing.state import State
from tests.support.clocks import START
from tests.support.routing import Walk, a_mute, night, rules_of, told

CI = Target("webhook", "ci")
OPEN = {"rate_limit": {"max_per_minute": 1000, "max_per_hour": 10_000}}

# Dedup


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (told("build.failed", "api"), told("build.failed", "ui"), "send"),
        (told("build.failed", "api"), told("build.failed", "api"), "suppress"),
        (told("resource.disk.low", "/"), told("resource.disk.low", "/tmp"), "send"),
        (told("resource.cpu.high", "ci-01", percent=91), told("resource.cpu.high", "ci-01", percent=93), "suppress"),
        (told("resource.cpu.warning", "ci-01"), told("resource.cpu.high", "ci-01"), "send"),
        (told("build.completed", id="build_1"), told("build.completed", id="build_2"), "send"),
        (told("build.completed", id="build_1"), told("build.completed", id="build_1"), "suppress"),
        (told("build.failed", error={"headline": "no x at 12"}), told("build.failed", error={"headline": "no y"}), "send"),
        (told("build.failed", error={"headline": "at 12"}), told("build.failed", error={"headline": "at 13"}), "suppress"),
        (told("custom.a", priority="low"), told("custom.a", priority="critical"), "send"),
        (told("custom.a", priority="high"), told("custom.a", priority="low"), "suppress"),
    ],
)
def test_a_repeat_is_known_by_type_subject_and_error_never_by_its_values(first: object, second: object, expected: str) -> None:
    walk = Walk(rules_of(OPEN))
    assert walk.actions([(0, first), (30, second)]) == ["send", expected]


def test_the_window_runs_from_the_last_message_sent_and_the_next_says_how_many_were_folded() -> None:
    walk = Walk(rules_of(OPEN))
    sent = []
    for minute in range(21):
        (decision,) = walk.hear(told("custom.tick", at=START + timedelta(minutes=minute)), after=minute * 60)
        if decision.action is Action.SEND:
            sent.append((minute * 60, decision.repeats))
    assert sent == [(0, 0), (300, 4), (600, 4), (900, 4), (1200, 4)]


def test_failed_completed_failed_within_the_window_are_three_messages() -> None:
    walk = Walk(rules_of(OPEN))
    events = [told("build.failed"), told("build.completed", id="b1"), told("build.failed")]
    assert walk.actions(enumerate(events)) == ["send", "send", "send"]


def test_a_window_of_nothing_sends_every_repeat() -> None:
    walk = Walk(rules_of({**OPEN, "dedup_window_secs": 0}))
    assert walk.actions([(0, told("custom.a")), (0, told("custom.a"))]) == ["send", "send"]


def test_a_repeat_is_one_per_target() -> None:
    walk = Walk(rules_of(OPEN, {"name": "ci", "events": ["build.*"]}, {"name": "ops", "events": ["*.critical"]}))
    walk.hear(told("build.failed"))
    worse = walk.hear(told("build.failed", priority="critical"), after=10)
    assert {each.target.recipient: each.action for each in worse} == {"ci": Action.SEND, "ops": Action.SEND}


def test_identity_holds_nothing_of_the_message() -> None:
    one, other = told("custom.a"), told("custom.a", host="b", pid=7)
    assert identity(one) == identity(other)


def test_reload_no_renotify() -> None:
    """Recipients in another order are the same recipients."""
    walk = Walk(rules_of(OPEN, {"name": "ci"}, {"name": "ops"}))
    walk.hear(told("build.failed"))
    walk.rules = rules_of(OPEN, {"name": "ops", "events": ["build.*"]}, {"name": "ci"})
    assert walk.actions([(10, told("build.failed"))]) == ["suppress", "suppress"]


# Mutes


def test_a_mute_beats_even_critical_and_ends_by_itself() -> None:
    state = State(muted=(a_mute("build.*", hours=1),))
    rules = rules_of(OPEN)
    event = told("build.failed", priority="critical")
    (muted,) = decide(event, rules, state, START)
    assert (muted.action, muted.stage) == (Action.SUPPRESS, Stage.MUTE)
    assert "maintenance" in muted.reasons[-1].text
    (after,) = decide(event, rules, state, START + timedelta(hours=1))
    assert after.action is Action.SEND


def test_a_mute_of_one_subject_leaves_the_others() -> None:
    state = State(muted=(a_mute("*", subject="api"),))
    assert [decide(told("build.failed", name), rules_of(OPEN), state, START)[0].action for name in ("api", "ui")] == [
        Action.SUPPRESS,
        Action.SEND,
    ]


# Quiet hours


@pytest.mark.parametrize(
    ("clock", "is_quiet"),
    [
        ("21:59:59", False),
        ("22:00:00", True),
        ("23:59:59", True),
        ("00:00:00", True),
        ("07:59:59", True),
        ("08:00:00", False),
        ("12:00:00", False),
    ],
)
def test_quiet_midnight_edges(clock: str, is_quiet: bool) -> None:
    now = datetime.fromisoformat(f"2024-01-26T{clock}+00:00")
    end = night().end_after(now)
    assert (end is not None) is is_quiet
    if end is not None:
        assert end == datetime(2024, 1, 27 if now.hour >= 22 else 26, 8, tzinfo=UTC)


def test_hours_within_one_day_are_half_open_too() -> None:
    noon = night("12:00", "13:00")
    assert [noon.end_after(START + timedelta(minutes=minutes)) is not None for minutes in (-1, 0, 59, 60)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("evening", "hours"),
    [("2026-03-07", 9), ("2026-10-31", 11), ("2026-06-01", 10)],
)
def test_quiet_dst_spring_fall(evening: str, hours: int) -> None:
    zone = ZoneInfo("America/New_York")
    quiet = night(zone="America/New_York")
    begins = datetime.fromisoformat(f"{evening}T22:00").replace(tzinfo=zone).astimezone(UTC)
    minutes = [begins + timedelta(minutes=number) for number in range(-1, hours * 60 + 1)]
    assert [quiet.end_after(minute) is not None for minute in minutes] == [False, *[True] * (hours * 60), False]
    assert quiet.end_after(begins) == begins + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "day", "expected"),
    [
        # 02:30 does not exist on this day, and is 03:30.
        (("01:00", "02:30"), "2026-03-08T06:30:00", "2026-03-08T07:30:00"),
        # 01:30 comes twice on this day; the night ends at the second one.
        (("23:00", "01:30"), "2026-11-01T05:45:00", "2026-11-01T06:30:00"),
    ],
)
def test_times_that_clocks_skip_or_repeat(hours: tuple[str, str], day: str, expected: str) -> None:
    quiet = night(*hours, zone="America/New_York")
    assert quiet.end_after(datetime.fromisoformat(f"{day}+00:00")) == datetime.fromisoformat(f"{expected}+00:00")


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]),
    st.times(),
    st.times(),
)
def test_quiet_hours_always_end_and_are_over_then(now: datetime, zone: str, start: object, end: object) -> None:
    if start == end:
        return
    quiet = night(f"{start:%H:%M}", f"{end:%H:%M}", zone)
    if quiet.start == quiet.end:
        return
    ends = quiet.end_after(now)
    if ends is not None:
        assert now < ends <= now + timedelta(hours=26)
        assert quiet.end_after(ends) is None or quiet.end_after(ends) > ends


NIGHT = {"quiet_hours": {"start": "11:00", "end": "13:00", "exceptions": ["daemon.*"]}}


@pytest.mark.parametrize(
    ("event", "settings", "expected"),
    [
        (told("build.failed"), {}, "hold"),
        (told("build.failed", priority="critical"), {}, "send"),
        (told("daemon.stopped", "ci-01"), {}, "send"),
        (told("build.failed", priority="critical"), {"priorities": {"critical": {"override_quiet_hours": False}}}, "hold"),
        (told("build.failed"), {"priorities": {"high": {"override_quiet_hours": True}}}, "send"),
        (told("build.failed"), {"quiet_hours": {**NIGHT["quiet_hours"], "action": "drop"}}, "suppress"),
        (told("build.failed"), {"quiet_hours": {**NIGHT["quiet_hours"], "enabled": False}}, "send"),
    ],
)
def test_what_can_wait_is_held_in_quiet_hours(event: object, settings: dict[str, object], expected: str) -> None:
    (decision,) = decide(event, rules_of({**NIGHT, **settings}), State(), START)
    assert decision.action.value == expected
    if expected == "hold":
        assert decision.until == START.replace(hour=13)


def test_star_critical_passes_the_night_for_any_type() -> None:
    settings = {
        "quiet_hours": {"start": "11:00", "end": "13:00", "exceptions": ["*.critical"]},
        "priorities": {"critical": {"override_quiet_hours": False}},
    }
    (decision,) = decide(told("build.failed", priority="critical"), rules_of(settings), State(), START)
    assert decision.action is Action.SEND


def test_a_daily_digest_waits_for_the_morning_unless_it_is_serious() -> None:
    case = Case(told("build.completed"), Target("email", "Dana"), Priority.MEDIUM, is_daily=True)
    assert judge(case, None, frozenset(), START).until == START.replace(day=27, hour=8)
    assert judge(case, night("22:00", "07:00"), frozenset(), START).until == START.replace(day=27, hour=7)
    serious = Case(told("build.failed"), Target("email", "Dana"), Priority.HIGH, is_daily=True)
    assert judge(serious, None, frozenset(), START).action is None


def test_an_address_with_digest_format_gets_one_mail_a_day() -> None:
    email = Email.model_validate(
        {
            "provider": "smtp",
            "from": "ci@example.com",
            "smtp": {"host": "mail.example.com"},
            "recipients": [{"name": "Dana", "email": "dana@example.com", "format": "digest"}],
        }
    )
    assert [target.format for target in email.all_recipients()] == ["digest"]


# Batches

BATCHED = {**OPEN, "priorities": {"low": {"delay_secs": 60}}, "batch_max": 3, "dedup_window_secs": 0}


def test_a_batch_ends_so_long_after_its_first_event_and_never_later() -> None:
    walk = Walk(rules_of(BATCHED))
    dues = [walk.hear(told("custom.a", str(second), priority="low"), after=second)[0].until for second in (0, 40)]
    assert dues == [START + timedelta(seconds=60)] * 2


def test_a_full_batch_is_due_at_once_and_the_next_event_opens_another() -> None:
    walk = Walk(rules_of(BATCHED))
    decisions = [walk.hear(told("custom.a", str(second), priority="low"), after=second)[0] for second in range(3)]
    assert decisions[-1].until == START + timedelta(seconds=2)
    assert "full" in decisions[-1].reasons[-1].text


def test_a_high_event_never_waits_for_a_low_batch() -> None:
    walk = Walk(rules_of(BATCHED))
    assert walk.actions([(0, told("build.started")), (1, told("build.failed"))]) == ["hold", "send"]


def test_what_is_held_about_a_subject_is_not_overtaken_by_its_equal() -> None:
    walk = Walk(rules_of({**BATCHED, "priorities": {"medium": {"delay_secs": 60}}}))
    walk.hear(told("custom.a", "api", priority="medium"))
    (later,) = walk.hear(told("custom.b", "api", priority="low"), after=5)
    assert (later.action, later.stage, later.until) == (Action.HOLD, Stage.ORDER, START + timedelta(seconds=60))
    (other,) = walk.hear(told("custom.b", "ui", priority="low"), after=5)
    assert other.action is Action.SEND


# Rate limits

LIMITED = {"dedup_window_secs": 0, "rate_limit": {"max_per_minute": 10, "max_per_hour": 100}}


def test_minute_edge_no_double() -> None:
    """A sliding window: not ten at 0:59 and ten more at 1:01."""
    walk = Walk(rules_of(LIMITED))
    events = [(59 + number * 0.2, told("custom.a", str(number))) for number in range(20)]
    assert walk.actions(events).count("send") == 9


def test_over_the_limit_is_held_until_a_slot_is_free_never_dropped() -> None:
    walk = Walk(rules_of(LIMITED))
    decisions = [walk.hear(told("custom.a", str(number)), after=number)[0] for number in range(12)]
    assert [each.action.value for each in decisions] == ["send"] * 9 + ["hold"] * 3
    assert {each.until for each in decisions[9:]} == {START + timedelta(seconds=60)}
    assert decisions[0].reasons[-1].text == "1 of 10 a minute"
    assert decisions[-1].reasons[-1].path == ("notifications", "settings", "rate_limit", "max_per_minute")


def test_hour_exhaustion_critical_passes() -> None:
    walk = Walk(rules_of(LIMITED))
    sent = walk.actions((number * 7, told("custom.a", str(number))) for number in range(200))
    assert sent.count("send") <= 90
    critical = walk.actions((1400 + number, told("custom.b", str(number), priority="critical")) for number in range(7))
    assert critical == ["send"] * 5 + ["hold"] * 2


def test_a_used_up_hour_is_told_in_summaries_before_it_ends() -> None:
    walk = Walk(rules_of({"dedup_window_secs": 0, "rate_limit": {"max_per_minute": 100, "max_per_hour": 100}}))
    decisions = [walk.hear(told("custom.a", str(number)), after=number)[0] for number in range(91)]
    assert decisions[-1].until == START + timedelta(seconds=90 + 360)


def test_a_total_holds_over_all_targets() -> None:
    settings = {**OPEN, "dedup_window_secs": 0}
    settings["rate_limit"] = {**settings["rate_limit"], "global": {"max_per_minute": 5}}
    walk = Walk(rules_of(settings, {"name": "ci"}, {"name": "ops"}))
    actions = walk.actions((number, told("custom.a", str(number))) for number in range(4))
    assert actions.count("send") == 4, "the last one is kept for a summary"


def test_a_clock_that_was_set_back_closes_no_budget() -> None:
    walk = Walk(rules_of(LIMITED))
    walk.actions((86_400, told("custom.a", str(number))) for number in range(9))
    assert walk.actions([(0, told("custom.a", "now"))]) == ["send"]


# Recoveries


PEOPLE = [{"name": "ci", "events": ["*.high", "*.failed"]}, {"name": "ops", "events": ["*"]}]


def paged() -> Walk:
    walk = Walk(rules_of(OPEN, *PEOPLE))
    walk.hear(told("resource.cpu.high", "ci-01"))
    return walk


def test_recovery_channels_inherit() -> None:
    """Who was told of the problem is told of its end, whatever the end's own priority and pattern."""
    settings = {**OPEN, "priorities": {"low": {"channels": ["sms"]}}}
    walk = Walk(rules_of(settings, *PEOPLE))
    walk.hear(told("resource.cpu.high", "ci-01"))
    ended = walk.hear(told("resource.cpu.normal", "ci-01"), after=400)
    assert {each.target.recipient: each.action for each in ended} == {"ci": Action.SEND, "ops": Action.SEND}
    assert any(reason.stage == Stage.OWED for reason in ended[0].reasons)


def test_no_recovery_without_problem() -> None:
    walk = Walk(rules_of(OPEN, *PEOPLE))
    assert [each.target.recipient for each in walk.hear(told("resource.cpu.normal", "ci-01"))] == ["ops"]


def test_an_end_is_owed_once() -> None:
    walk = paged()
    walk.hear(told("resource.cpu.normal", "ci-01"), after=10)
    again = walk.hear(told("resource.cpu.normal", "ci-01"), after=1000)
    assert [each.target.recipient for each in again] == ["ops"]


def test_owed_recovery_silence() -> None:
    walk = paged()
    walk.state = State(
        (a_mute("resource.*", hours=2),),
        walk.state.incidents,
        walk.state.debts,
        walk.state.last,
        walk.state.held,
        walk.state.slots,
    )
    ended = walk.hear(told("resource.cpu.normal", "ci-01"), after=60)
    assert {each.action for each in ended} == {Action.HOLD}
    assert {each.until for each in ended} == {START + timedelta(hours=2)}


def test_owed_recovery_quiet_even_where_the_night_drops() -> None:
    settings = {**OPEN, "quiet_hours": {"start": "12:30", "end": "14:00", "action": "drop"}}
    walk = Walk(rules_of(settings, *PEOPLE))
    walk.hear(told("resource.cpu.high", "ci-01"))
    ended = walk.hear(told("resource.cpu.normal", "ci-01"), after=3600)
    assert {each.action for each in ended} == {Action.HOLD}


def test_who_was_woken_by_a_problem_is_told_at_night_that_it_is_over() -> None:
    walk = Walk(rules_of({**OPEN, "quiet_hours": {"start": "11:00", "end": "14:00"}}))
    assert walk.actions([(0, told("resource.disk.low", "/")), (60, told("resource.disk.normal", "/"))]) == ["send", "send"]


def test_owed_recovery_limit() -> None:
    walk = Walk(rules_of({**LIMITED, "rate_limit": {"max_per_minute": 2, "max_per_hour": 100}}))
    walk.hear(told("build.failed"))
    assert walk.actions([(1, told("build.completed", id="b1"))]) == ["hold"]


def test_order_recovery_after_failure() -> None:
    """The end of a problem that is still held waits behind it."""
    walk = Walk(rules_of({**OPEN, "priorities": {"high": {"delay_secs": 60}}}))
    walk.hear(told("build.failed"))
    (ended,) = walk.hear(told("build.completed", id="b1"), after=5)
    assert (ended.action, ended.until) == (Action.HOLD, START + timedelta(seconds=60))


# Matching


def test_unknown_type_routes() -> None:
    assert [each.action for each in decide(told("custom.never.seen"), rules_of(OPEN), State(), START)] == [Action.SEND]


def test_a_failing_channel_is_not_told_of_itself() -> None:
    rules = rules_of(OPEN, {"name": "ci"}, {"name": "ops"})
    decisions = decide(told("channel.failing", "webhook:ci"), rules, State(), START)
    assert {each.target.recipient: each.action for each in decisions} == {"ops": Action.SEND}


def test_a_live_target_hears_everything_at_once() -> None:
    route = Route(CI, (Pattern.parse("*"),), is_live=True)
    table = RoutingTable([], dict.fromkeys(Priority, frozenset())).with_route(route)
    rules = Rules(table, dedup_window=timedelta(minutes=5), quiet_hours=night("11:00", "13:00"))
    walk = Walk(rules)
    assert walk.actions([(0, told("custom.a")), (0, told("custom.a"))]) == ["send", "send"]


GLOBS = {
    "*": lambda name, worth: True,
    "build.*": lambda name, worth: name.startswith("build."),
    "*.failed": lambda name, worth: name.endswith(".failed"),
    "build.failed": lambda name, worth: name == "build.failed",
    "resource.*.high": lambda name, worth: name in ("resource.cpu.high", "resource.memory.high"),
    "resource.*": lambda name, worth: name.startswith("resource."),
    "cache.*": lambda name, worth: name.startswith("cache."),
    "*.normal": lambda name, worth: name.endswith(".normal"),
    "*.critical": lambda name, worth: name.endswith(".critical") or worth is Priority.CRITICAL,
    "*.high": lambda name, worth: name.endswith(".high") or worth is Priority.HIGH,
    "cache.*.created": lambda name, worth: name == "cache.artifact.created",
    "custom.*": lambda name, worth: False,
}


@pytest.mark.parametrize("pattern", GLOBS)
def test_glob_table(pattern: str) -> None:
    """Every known type against every kind of pattern."""
    rules = rules_of(OPEN, {"name": "ci", "events": [pattern]})
    heard = {name for name in CATALOG if decide(told(name), rules, State(), START)}
    assert heard == {name for name, known in CATALOG.items() if GLOBS[pattern](name, known.priority)}


@pytest.mark.parametrize("zone", ["America/NewYork", "Mars/Olympus", "", "../etc/passwd"])
def test_quiet_bad_tz_rejected(zone: str) -> None:
    with pytest.raises(ValueError, match="timezone"):
        rules_of({"quiet_hours": {"start": "22:00", "end": "08:00", "timezone": zone}})


def test_quiet_hours_without_a_length_are_rejected() -> None:
    with pytest.raises(ValueError, match="must differ"):
        rules_of({"quiet_hours": {"start": "22:00", "end": "22:00"}})
