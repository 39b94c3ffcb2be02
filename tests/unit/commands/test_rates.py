"""Who asks too often is told when to come again; nobody else notices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.commands.model import CommandStatus, Level, Principal
from buildnet_cli.commands.rates import Buckets, CommandRates, Rate, SourceRates
from buildnet_cli.config.remote_control import InboundRateLimit
from buildnet_cli.errors import Kind, TooManyError
from tests.support.clocks import FakeClock
from tests.support.commands import ADMIN, executor

KEY = Principal("CI", "api", "CI", ("*",))
OTHER = Principal("Phone", "sms", "+14155550123", ("*",))


def taken(buckets: Buckets, times: list[float]) -> list[float]:
    return [buckets.take("one", at) for at in times]


def test_a_bucket_gives_its_burst_and_then_one_at_a_time() -> None:
    buckets = Buckets(Rate.per_minute(60, burst=2))
    assert taken(buckets, [0, 0, 0, 0.5, 1, 1.25]) == [0, 0, 1, 0.5, 0, 0.75]


def test_waiting_as_long_as_it_says_is_enough() -> None:
    buckets = Buckets(Rate.per_minute(7, burst=1))
    assert taken(buckets, [0]) == [0]
    wait = buckets.take("one", 0)
    assert buckets.take("one", wait) == 0


@given(st.lists(st.floats(0, 600), max_size=300), st.integers(1, 100), st.integers(1, 50))
def test_never_more_than_the_burst_and_the_rate(times: list[float], per_minute: int, burst: int) -> None:
    buckets = Buckets(Rate.per_minute(per_minute, burst=burst))
    times.sort()
    passed = [at for at in times if buckets.take("one", at) == 0]
    for number, first in enumerate(passed):
        for last in range(number, len(passed)):
            assert last - number + 1 <= burst + (passed[last] - first) * per_minute / 60 + 1e-6


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_away() -> None:
    buckets = Buckets(Rate.per_minute(60, burst=1))
    assert taken(buckets, [100, 50, 100]) == [0, 1, 1]


def test_a_flood_of_addresses_does_not_fill_the_memory() -> None:
    buckets = Buckets(Rate.per_minute(1))
    for number in range(10_050):
        buckets.take(number, 0)
    assert len(buckets._left) <= 10_000


@pytest.mark.parametrize(("level", "most"), [(Level.READ, 60), (Level.BUILD, 20), (Level.ADMIN, 10)])
def test_each_level_has_its_own_number_a_minute(level: Level, most: int) -> None:
    rates = CommandRates(InboundRateLimit())
    for _ in range(most):
        rates.take(KEY, level, 0)
    with pytest.raises(TooManyError) as refused:
        rates.take(KEY, level, 0)
    assert refused.value.retry_after_secs == pytest.approx(60 / most)
    rates.take(OTHER, level, 0)
    rates.take(KEY, level, 60 / most)


def test_other_numbers_hold_from_the_next_command_on() -> None:
    rates = CommandRates(InboundRateLimit(admin_per_minute=1))
    rates.take(KEY, Level.ADMIN, 0)
    rates.limit(InboundRateLimit(admin_per_minute=60))
    rates.take(KEY, Level.ADMIN, 1)


def test_an_address_has_its_burst_and_may_fail_so_often() -> None:
    rates = SourceRates(InboundRateLimit())
    for _ in range(60):
        rates.take("192.0.2.1", 0)
    with pytest.raises(TooManyError):
        rates.take("192.0.2.1", 0)
    rates.take("192.0.2.2", 0)
    for _ in range(20):
        rates.fail("192.0.2.3", 0)
    with pytest.raises(TooManyError) as refused:
        rates.take("192.0.2.3", 0)
    assert refused.value.retry_after_secs == pytest.approx(15)
    rates.take("192.0.2.3", 15)


async def test_a_command_too_many_has_its_row_and_does_nothing() -> None:
    journal: list[str] = []
    execute, rows = executor(journal, limits=InboundRateLimit(build_per_minute=1))
    assert (await execute.execute("BUILD api", KEY)).status is CommandStatus.ACCEPTED
    result = await execute.execute("BUILD api", KEY)
    assert (result.status, result.kind, result.retry_after_secs) == (CommandStatus.DENIED, Kind.TOO_MANY, 60)
    assert journal == ["begin", "enqueue api for api:CI", "finish", "begin", "finish"]
    assert rows.rows[result.request_id]["status"] == "denied"


async def test_confirming_is_not_counted_and_neither_is_the_terminal() -> None:
    clock = FakeClock()
    execute, _ = executor([], limits=InboundRateLimit(admin_per_minute=1), clock=clock)
    asked = await execute.execute("CACHE CLEAR", KEY)
    assert (await execute.execute(f"YES {asked.result['code']}", KEY)).status is CommandStatus.EXECUTED
    assert (await execute.execute("CACHE CLEAR", KEY)).kind is Kind.TOO_MANY
    clock.advance(60)
    assert (await execute.execute("CACHE CLEAR", KEY)).status is CommandStatus.CONFIRMATION_REQUIRED
    for _ in range(20):
        assert (await execute.execute("RESUME", ADMIN)).kind is not Kind.TOO_MANY
