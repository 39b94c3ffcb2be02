"""The daemon's HTTP contract. Whole builds (`POST /build`) are never asked for: an unknown dependency would end the daemon."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar
from urllib.parse import quote as percent_encoded

from buildnet_cli.engine.buildnetd import answers
from buildnet_cli.engine.buildnetd.answers import CacheFigures, DaemonStatus, Heard, Removed, Reply, Row, Verdict
from buildnet_cli.engine.buildnetd.packages import read_packages
from buildnet_cli.engine.model import CacheStats
from buildnet_cli.engine.project import Package
from buildnet_cli.errors import ChannelError, Outcome, UnreachableError
from buildnet_cli.net.answer import Answer, quote
from buildnet_cli.net.http import HttpClient

_ANSWER_SECS = 10.0
_HEALTH_SECS = 3.0
_MAX_ANSWER = 16 << 20
"""Bytes: a failed build carries all of its stderr, and the daemon sets no bound to that; 50 of them are one list."""
_SILENCE_SECS = 45.0
"""Without even a comment; the daemon sends one every 15 s."""

_JSON = {"Content-Type": "application/json"}
_NOTHING = b"{}"
"""Without a body the daemon answers 415."""

_Read = TypeVar("_Read", DaemonStatus, CacheFigures, Removed)


class Pulse(enum.Enum):
    """What comes of asking whether the daemon is well."""

    FINE = enum.auto()
    ILL = enum.auto()
    """Something listens there, but does not answer as it should."""
    GONE = enum.auto()
    """Nothing listens there."""


class BuildnetdClient:
    """Asks one daemon. url: without a slash at the end. The HttpClient is closed by whoever made it."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self.url = url

    async def pulse(self) -> Pulse:
        """Whether it answers."""
        try:
            answer = await self._http.request("GET", f"{self.url}/health", timeout_secs=_HEALTH_SECS)
        except ChannelError as exc:
            return Pulse.GONE if exc.outcome is Outcome.RETRY else Pulse.ILL
        return Pulse.FINE if answer.status == 200 and '"status"' in answer.text else Pulse.ILL

    async def status(self) -> DaemonStatus:
        """Raises UnreachableError if there is no daemon, or something else answers in its place."""
        return self._read(DaemonStatus, await self._ask("GET", "/status"))

    async def packages(self) -> Mapping[str, Package]:
        """What it builds. Raises UnreachableError; ConfigError if the packages do not fit together."""
        return read_packages((await self._ask("GET", "/config")).text, f"{self.url}/config")

    async def rows(self) -> list[Row]:
        """Its last 50 builds, newest first. Raises UnreachableError."""
        rows = answers.read_rows((await self._ask("GET", "/builds")).text)
        if rows is None:
            raise self._not_understood()
        return rows

    async def cache_stats(self) -> CacheStats:
        """What its cache holds. Raises UnreachableError."""
        figures = self._read(CacheFigures, await self._ask("GET", "/cache/stats"))
        return CacheStats(figures.artifact_count, figures.total_size)

    async def clear_cache(self) -> int:
        """Evict every artifact that it knows the age of; how many. Raises UnreachableError."""
        return self._read(Removed, await self._ask("POST", "/cache/clear")).removed

    async def shut_down(self) -> None:
        """End the daemon: it answers, and is gone a moment later, its own children left behind. Raises UnreachableError."""
        await self._ask("POST", "/shutdown")

    async def build(self, package: str) -> Reply:
        """Build one package and wait for its end, however long that takes. Its dependencies are not built.

        The daemon drops what it does for a connection that breaks, and its child goes on unobserved: never cancel this to end
        a build.
        """
        url = f"{self.url}/build/{percent_encoded(package, safe='')}"
        try:
            answer = await self._http.request(
                "POST", url, headers=_JSON, content=_NOTHING, timeout_secs=None, max_answer=_MAX_ANSWER
            )
        except ChannelError as exc:
            return Reply(Verdict.LOST if exc.outcome is Outcome.UNKNOWN else Verdict.NOT_SENT, said=exc.message)
        return answers.read_build(answer)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Heard]]:
        """Its event stream, until it ends or breaks. Raises UnreachableError, on entering and while reading."""
        try:
            async with (
                self._http.lines(f"{self.url}/events", silence_secs=_SILENCE_SECS) as lines,
                aclosing(_events(lines)) as events,
            ):
                yield events
        except ChannelError as exc:
            raise UnreachableError(exc.message) from exc

    async def _ask(self, method: str, path: str) -> Answer:
        posts = method == "POST"
        try:
            answer = await self._http.request(
                method,
                f"{self.url}{path}",
                headers=_JSON if posts else {},
                content=_NOTHING if posts else b"",
                timeout_secs=_ANSWER_SECS,
                max_answer=_MAX_ANSWER,
            )
        except ChannelError as exc:
            raise UnreachableError(f"the BuildNet daemon does not answer: {exc.message}", where=self.url) from exc
        if answer.status != 200:
            said = quote(answer.text)
            message = f"the BuildNet daemon answered {answer.status} to {path}" + (f": {said}" if said else "")
            raise UnreachableError(message, where=self.url)
        return answer

    def _read(self, kind: type[_Read], answer: Answer) -> _Read:
        found = answers.read(kind, answer.text)
        if found is None:
            raise self._not_understood()
        return found

    def _not_understood(self) -> UnreachableError:
        return UnreachableError(f"what answers at {self.url} is no BuildNet daemon that we know", where=self.url)


async def _events(lines: AsyncIterator[str]) -> AsyncGenerator[Heard]:
    async for line in lines:
        heard = answers.read_event(line)
        if heard is not None:
            yield heard
