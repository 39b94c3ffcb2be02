"""The life of the agent: start, serve, reload, and end without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

from buildnet_cli import __version__, logs
from buildnet_cli.agent import wiring
from buildnet_cli.agent.account import Account
from buildnet_cli.agent.lifecycle import AgentLifecycle
from buildnet_cli.agent.listening import Listening
from buildnet_cli.agent.lock import AgentLock
from buildnet_cli.agent.port import listen
from buildnet_cli.agent.server import ApiServer
from buildnet_cli.agent.settings import AgentSettings
from buildnet_cli.agent.start import Starter
from buildnet_cli.agent.templates import Wording
from buildnet_cli.agent.trial import send_wanted
from buildnet_cli.agent.upkeep import Upkeep
from buildnet_cli.api.app import build_app
from buildnet_cli.api.feed import Feed
from buildnet_cli.api.services import Services
from buildnet_cli.api.tickets import Tickets
from buildnet_cli.channels.registry import open_channels
from buildnet_cli.clock import Clock
from buildnet_cli.commands.authenticate import People
from buildnet_cli.commands.confirm import Policy
from buildnet_cli.commands.door import Door
from buildnet_cli.commands.executor import Executor
from buildnet_cli.config.loader import Loaded, load
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.delivery.redrive import Redrive
from buildnet_cli.errors import BuildNetError, StorageError
from buildnet_cli.events.model import EventDraft
from buildnet_cli.paths import Workspace, socket_path
from buildnet_cli.secrets.vault import open_vault
from buildnet_cli.store import deliveries
from buildnet_cli.store.bookmarks import StoredBookmarks
from buildnet_cli.store.mutes import StoredMutes

_log = logging.getLogger(__name__)

DRAIN_SECS: Final = 8.5
"""How long a stop waits for builds to end and for what is being sent."""


class Agent:
    """One agent. Made, run once, and done."""

    def __init__(self, workspace: Workspace, loaded: Loaded, lock: AgentLock, clock: Clock) -> None:
        self._workspace = workspace
        self._loaded = loaded
        self._started_with = loaded.config.agent
        self._lock = lock
        self._clock = clock
        self._socket = socket_path(workspace.state)
        self._api = ""
        self._note = ""
        self._access = wiring.access(loaded)
        self._people = People.from_config(loaded.config)
        self._sms = wiring.inbound_sms(loaded)
        self._has_console = False
        self._parts: wiring.Parts
        self._account: Account
        self._lifecycle: AgentLifecycle
        self._listening: Listening
        self._settings = AgentSettings(workspace, lambda: self._loaded, self.reload)
        self._reloading: asyncio.Task[None] | None = None

    async def run(self, starter: Starter) -> int | None:
        """Start, say so, serve until stopped, and end; the exit code, 1 if a part of it broke, None if it is to begin anew."""
        console = sys.stdout if starter.is_foreground else None
        self._has_console = console is not None
        tcp = self._open_port()
        self._parts = wiring.assemble(self._workspace, self._loaded, self._clock, console=console, api=self._api)
        self._account = Account(self._parts, self._clock, self._loaded, api=self._api, socket=self._socket)
        self._lifecycle = AgentLifecycle(self._parts.engine, self._workspace, lambda: self._loaded)
        services = self._services()
        self._listening = Listening(services, StoredBookmarks(self._parts.store))
        server = ApiServer(build_app(services), path=self._socket, link=self._workspace.socket_link, tcp=tcp)
        upkeep = Upkeep(self._workspace, self._parts, self._account, self._clock, self._tell)
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._parts.outbox.void_leases()
            await self._end_commands()
            await self._parts.engine.start()
            await server.start()
            await self._accept("daemon.started", f"buildnet-notify {__version__} started on {socket.gethostname()}")
            await upkeep.tell_mishaps()
            tasks.append(asyncio.create_task(self._parts.dispatcher.run(), name="dispatcher"))
            tasks.append(asyncio.create_task(self._parts.releaser.run(), name="releaser"))
            tasks.append(asyncio.create_task(self._parts.alarm.run(), name="alarm"))
            tasks.append(asyncio.create_task(upkeep.watch_spool(), name="spool"))
            tasks.append(asyncio.create_task(upkeep.watch_database(), name="database check"))
            await self._listening.follow(self._loaded.config)
            self._watch_signals()
            report = await self._report()
            self._lock.note(**report)
            starter.tell({"pid": os.getpid(), **report})
            if console is not None:
                sys.stdout.write(
                    f"buildnet-notify {__version__} · pid {os.getpid()} · {self._api or self._socket} · Ctrl-C stops it\n"
                )
                sys.stdout.flush()
            return await self._until_stopped(tasks)
        finally:
            await self._end(server, tasks)

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> int | None:
        """Wait for a stop, and say that it came. A part that ends before is a mistake of ours, and never a silent one."""
        stopping = asyncio.create_task(self._lifecycle.ending.wait())
        ended, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in ended - {stopping}:
            _log.critical("the %s ended; the agent stops", task.get_name(), exc_info=task.exception())
            await self._tell("daemon.error", f"the {task.get_name()} of the agent on {socket.gethostname()} ended unexpectedly")
        stopping.cancel()
        self._account.is_stopping = True
        await self._tell("daemon.stopped", f"buildnet-notify stopped on {socket.gethostname()}")
        return (None if self._lifecycle.is_restarting else 0) if stopping in ended else 1

    async def _end(self, server: ApiServer, tasks: list[asyncio.Task[None]]) -> None:
        """Builds first, because their ends are news; then what is being sent; then the doors. No failure skips the rest."""
        deadline = self._clock.monotonic() + DRAIN_SECS
        async with contextlib.AsyncExitStack() as rest:
            # In the reverse order of their use.
            rest.push_async_callback(asyncio.to_thread, self._parts.store.close)
            rest.push_async_callback(self._parts.http.close)
            rest.push_async_callback(self._lifecycle.turn_daemon)
            for channel in self._parts.channels.values():
                rest.push_async_callback(channel.close)
            rest.push_async_callback(_cancel, tasks)
            rest.push_async_callback(server.stop)
            rest.callback(self._parts.bus.close)
            rest.push_async_callback(lambda: self._parts.dispatcher.stop(max(deadline - self._clock.monotonic(), 0.5)))
            rest.push_async_callback(self._parts.engine.shutdown)
            rest.push_async_callback(self._listening.close)

    def _open_port(self) -> socket.socket | None:
        api = self._loaded.config.agent.api
        if not api.listen:
            return None
        tcp, self._note = listen(api.host, api.port)
        host = f"[{api.host}]" if ":" in api.host else api.host
        self._api = f"http://{host}:{tcp.getsockname()[1]}"
        return tcp

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)

    def _stop_on_signal(self, number: int) -> None:
        """Begin to end; who asks twice is not kept waiting: that is a crash, and a crash loses nothing."""
        if self._lifecycle.ending.is_set():
            os._exit(128 + number)
        self._lifecycle.ending.set()

    async def _accept(self, event_type: str, message: str) -> None:
        if self._parts.engine.is_daemon:
            return  # these events are about the BuildNet daemon then, and its engine tells them
        await self._parts.ingest.accept(EventDraft(event_type, message, subject=socket.gethostname()), source="agent")

    async def _end_commands(self) -> None:
        """Complete what a former agent left executing: its restart is done, and whoever asked for it hears so."""
        message = f"buildnet-notify {__version__} has started again"
        for request_id, to in await self._parts.commands.end_open(message, self._clock.now()):
            await self._parts.answers.send(to, message, request_id)
        await self._parts.commands.interrupt_unfinished(self._clock.now())

    async def _tell(self, event_type: str, message: str) -> None:
        """Accept an event on the way out, where nothing can be done if the disk refuses it."""
        try:
            await self._accept(event_type, message)
        except StorageError as exc:
            _log.error("%s could not be recorded: %s", event_type, exc.message)

    def _services(self) -> Services:
        executor = Executor(
            log=self._parts.commands,
            clock=self._clock,
            confirmations=self._parts.confirmations,
            engine=self._parts.engine,
            builds=self._parts.builds,
            answers=self._parts.answers,
            status=self._account.status,
            settings=self._settings,
            lifecycle=self._lifecycle,
            rates=self._parts.rates,
        )
        return Services(
            uid=os.geteuid(),
            access=lambda: self._access,
            ingest=self._parts.ingest,
            redrive=Redrive(self._parts.outbox, self._parts.dispatcher, self._parts.router, self._parts.releaser.wake),
            executor=executor,
            store=self._parts.store,
            mutes=StoredMutes(self._parts.store, self._clock, self._parts.releaser.wake),
            clock=self._clock,
            config=lambda: self._loaded.config,
            door=Door(executor, self._parts.commands, self._clock, lambda: self._people),
            answers=self._parts.answers,
            http=self._parts.http,
            sms=lambda: self._sms,
            feed=Feed(self._parts.bus, self._parts.store),
            tickets=Tickets(self._clock),
            status=self._account.page,
            test=self._send_test,
            settings=self._settings,
            reload=self.reload,
            stop=self.stop,
        )

    async def _send_test(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        parts = self._parts
        return await send_wanted(wanted, self._loaded.config, parts.channels, self._clock, parts.wording)

    async def _report(self) -> dict[str, Any]:
        """What a starter is told."""
        return {
            "api": self._api,
            "note": self._note,
            "socket": str(self._socket),
            "channels": await self._account.channels(),
            "remarks": [*self._parts.mishaps, *(problem.message for problem in self._loaded.problems)],
        }

    async def reload(self) -> dict[str, Any]:
        """Read the configuration again and work by it. Raises ConfigError, with nothing changed, if it is wrong."""
        loaded = await asyncio.to_thread(load, self._workspace.config, open_vault().get)
        project = wiring.project_of(self._workspace, loaded)
        parts = self._parts
        table = wiring.routing_table(loaded, has_console=self._has_console)
        console = sys.stdout if self._has_console else None
        before, parts.channels = (
            parts.channels,
            open_channels(loaded.config, parts.http, console, color=console is not None and console.isatty()),
        )
        parts.stock.limits = wiring.cache_limits(loaded)
        parts.wording = Wording(self._workspace.templates)
        parts.dispatcher.replace_outlets(wiring.outlets(loaded, parts.channels, table, parts.wording))
        parts.router.rules = wiring.rules(loaded, table)
        parts.releaser.wake()
        parts.rates.limit(loaded.config.remote_control.rate_limit)
        parts.confirmations.policy = Policy.from_config(loaded.config.remote_control)
        self._access = wiring.access(loaded)
        self._people = People.from_config(loaded.config)
        self._sms = wiring.inbound_sms(loaded)
        if loaded.config.notifications.debug != self._loaded.config.notifications.debug:
            logs.set_level("debug" if loaded.config.notifications.debug else loaded.config.agent.log.level)
        self._loaded = loaded
        self._account.take_over(loaded)
        for channel in before.values():
            await channel.close()
        await parts.engine.reload(loaded, project, wiring.build_environment(loaded))
        await self._listening.follow(loaded.config)
        _log.info("the configuration was reloaded", extra={"path": loaded.file})
        remarks = [problem.message for problem in loaded.problems]
        if loaded.config.agent != self._started_with:
            remarks.append("agent.api and agent.log take effect with the next start: buildnet-notify agent restart")
        return {"channels": await self._account.channels(), "remarks": remarks}

    def _reload_on_signal(self) -> None:
        self._reloading = asyncio.create_task(self._try_reload())

    async def _try_reload(self) -> None:
        try:
            await self.reload()
        except BuildNetError as exc:
            _log.error("the configuration was not reloaded: %s", exc.message, extra={"where": exc.where})

    async def stop(self) -> dict[str, Any]:
        """Begin to end; what will be left for the next start."""
        counts = await self._parts.store.read(deliveries.counts)
        self._lifecycle.ending.set()
        return {"pid": os.getpid(), "kept": counts[DeliveryStatus.PENDING] + counts[DeliveryStatus.HELD]}


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
