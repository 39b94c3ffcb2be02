"""The composition root: the one file that knows every class, and puts them together from a configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from buildnet_cli import redact
from buildnet_cli.agent.engines import ChosenEngine
from buildnet_cli.agent.templates import Wording
from buildnet_cli.api.auth import ApiKey
from buildnet_cli.api.services import Access
from buildnet_cli.channels.console import RECIPIENT
from buildnet_cli.channels.registry import SUPPORTED, open_channels
from buildnet_cli.clock import Clock
from buildnet_cli.commands.confirm import WRONG_IN_WINDOW, Confirmations, Policy
from buildnet_cli.commands.model import Principal
from buildnet_cli.commands.rates import CommandRates
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.config.engine import Engine
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.problems import Page
from buildnet_cli.delivery.alarm import Alarm
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.release import Releaser
from buildnet_cli.delivery.router import Router
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.engine.local.artifacts import ArtifactFolder
from buildnet_cli.engine.local.cache import BuildCache
from buildnet_cli.engine.local.engine import LocalEngine
from buildnet_cli.engine.local.eviction import CacheLimits
from buildnet_cli.engine.local.stock import Stock
from buildnet_cli.engine.project import Project, Written, load_project, project_from_config, read_project, usable_cpus
from buildnet_cli.errors import ConfigError
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.paths import Workspace
from buildnet_cli.process.spawn import child_environment
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.match import Route, RoutingTable
from buildnet_cli.routing.rules import Rules
from buildnet_cli.secrets.audit_seals import AuditSeals
from buildnet_cli.secrets.vault import open_vault
from buildnet_cli.store.answers import StoredAnswers
from buildnet_cli.store.builds import StoredBuilds
from buildnet_cli.store.cache import StoredCache
from buildnet_cli.store.commands import StoredCommands
from buildnet_cli.store.confirmations import StoredConfirmations
from buildnet_cli.store.connection import lost_log, wal_of
from buildnet_cli.store.database import Store
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.outbox import StoredOutbox

if TYPE_CHECKING:
    from buildnet_cli.engine.buildnetd.engine import BuildnetdEngine

# Chats and telephones, where a backlog comes as one message.
_READ_BY_PEOPLE = frozenset({"sms", "slack", "discord", "telegram"})

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass
class Parts:
    """The agent's parts, put together and not yet started. `channels` and `wording` are replaced at a reload.

    mishaps: what had happened to the database.
    """

    store: Store
    bus: EventBus
    outbox: StoredOutbox
    ingest: Ingest
    router: Router
    dispatcher: Dispatcher
    releaser: Releaser
    alarm: Alarm
    engine: ChosenEngine
    stock: Stock
    builds: StoredBuilds
    commands: StoredCommands
    answers: StoredAnswers
    confirmations: Confirmations
    rates: CommandRates
    http: HttpClient
    wording: Wording
    channels: dict[str, Channel] = field(default_factory=dict)
    mishaps: Sequence[str] = ()


def assemble(workspace: Workspace, loaded: Loaded, clock: Clock, *, console: TextIO | None, api: str = "") -> Parts:
    """Open the database and make every part.

    console: where an agent in the foreground shows its notifications. api: where ours listens.
    Raises StorageError or ConfigError if what is there cannot be used.
    """
    project = project_of(workspace, loaded)
    mishaps = open_mishaps(workspace.database, clock)
    wording = Wording(workspace.templates)
    store = Store.open(workspace.database)
    bus = EventBus()
    outbox = StoredOutbox(store, clock)
    http = HttpClient()
    channels = open_channels(loaded.config, http, console, color=console is not None and console.isatty())
    table = routing_table(loaded, has_console=console is not None)
    intake, router = StoredIntake(store, clock), Router(rules(loaded, table))
    dispatcher = Dispatcher(
        outbox,
        outlets(loaded, channels, table, wording),
        render,
        clock,
        on_change=lambda: alarm.wake(),
        fold=lambda targets: intake.fold_backlog(router, targets),
    )
    releaser = Releaser(intake, router, clock, dispatcher.wake)
    ingest = Ingest(intake, bus, clock, router, wake=dispatcher.wake, on_held=releaser.wake)
    alarm = Alarm(
        outbox,
        lambda: dispatcher.breakers,
        lambda draft, along_with: ingest.accept(draft, source="agent", along_with=along_with),
        clock,
    )
    builds = StoredBuilds(store, ingest)
    index = StoredCache(store, ingest, clock)
    stock = Stock(ArtifactFolder(workspace.cache), index, clock, cache_limits(loaded))
    cache = BuildCache(stock, index)
    environment = build_environment(loaded)
    engine = ChosenEngine(
        loaded,
        http,
        workspace.base,
        local=lambda: LocalEngine(project, builds, cache=cache, clock=clock, logs=workspace.builds, environment=environment),
        daemon=lambda found: _daemon_engine(workspace, found, http, builds, clock),
        own=api,
    )
    return Parts(
        store,
        bus,
        outbox,
        ingest,
        router,
        dispatcher,
        releaser,
        alarm,
        engine,
        stock,
        builds,
        StoredCommands(store, AuditSeals(open_vault, workspace.audit_anchor), "; ".join(mishaps)),
        StoredAnswers(store, clock, dispatcher.wake),
        Confirmations(
            StoredConfirmations(store),
            clock,
            Policy.from_config(loaded.config.remote_control),
            lambda principal: _tell_of_lock(ingest, principal),
        ),
        CommandRates(loaded.config.remote_control.rate_limit),
        http,
        wording,
        channels,
        mishaps,
    )


async def _tell_of_lock(ingest: Ingest, principal: Principal) -> None:
    message = f"{principal} gave {WRONG_IN_WINDOW} wrong confirmation codes; none of theirs is looked at for an hour"
    await ingest.accept(EventDraft("confirmation.locked", message, subject=str(principal)), source="agent")


def open_mishaps(database: Path, clock: Clock) -> list[str]:
    """What had happened to the database since the last agent, in sentences; damage is mended as far as it can be."""
    from buildnet_cli.store.rescue import rescue

    # Before anything opens the file: SQLite would make a new log in its place.
    lost = [f"{wal_of(database).name} is missing beside the database: what was only there is lost"] if lost_log(database) else []
    rescued = rescue(database, clock.now())
    return [*lost, str(rescued)] if rescued is not None else lost


def routing_table(loaded: Loaded, *, has_console: bool) -> RoutingTable:
    """Who hears of what; the terminal of an agent in the foreground hears everything."""
    table = RoutingTable.from_config(loaded.config.notifications, SUPPORTED)
    terminal = Route(Target("console", RECIPIENT), (Pattern.parse("*"),), is_live=True)
    return table.with_route(terminal) if has_console else table


def rules(loaded: Loaded, table: RoutingTable) -> Rules:
    """How the router works by a configuration."""
    return Rules.from_config(loaded.config.notifications, table, loaded.config.monitoring.incident_pairing())


def outlets(loaded: Loaded, channels: Mapping[str, Channel], table: RoutingTable, wording: Wording) -> Outlets:
    """Where messages may go."""
    notifications = loaded.config.notifications
    folding = frozenset(
        Target(each.channel, each.name)
        for each in notifications.all_recipients()
        if each.channel in _READ_BY_PEOPLE or each.format in ("slack", "discord")
    )
    silenced = frozenset(Target(each.channel, each.name) for each in notifications.silenced_recipients()) - table.targets
    return Outlets(channels, table.targets, folding, silenced, is_dry_run=notifications.dry_run, reword=wording.reword)


def project_of(workspace: Workspace, loaded: Loaded) -> Project:
    """What the local engine builds; with a BuildNet daemon it is nothing. Raises ConfigError if the project is wrong."""
    written = written_project(workspace, loaded)
    return written.project if written is not None else Project(workspace.base, {}, usable_cpus())


def written_project(workspace: Workspace, loaded: Loaded) -> Written | None:
    """`packages:` of our own file, else the BuildNet daemon's project file; None if there is neither.

    With a BuildNet daemon it is None: that one reads its own file. Raises ConfigError if the project is wrong.
    """
    config = loaded.config
    root = workspace.base
    if config.engine.type == "buildnetd":
        return None
    if config.packages:
        return project_from_config(root, config.packages, loaded.origins, Page(loaded.file, loaded.text))
    file = Path(config.engine.config)
    if (root / file).exists() or config.engine.config != Engine().config:
        return read_project(root, file)
    return None


def _daemon_engine(workspace: Workspace, loaded: Loaded, http: HttpClient, builds: StoredBuilds, clock: Clock) -> BuildnetdEngine:
    """The engine over the configured BuildNet daemon. Until that answers, its file says what it builds, if it can be read."""
    from buildnet_cli.engine.buildnetd.client import BuildnetdClient
    from buildnet_cli.engine.buildnetd.engine import BuildnetdEngine

    root = workspace.base
    try:
        packages = load_project(root, Path(loaded.config.engine.config)).packages
    except ConfigError:
        packages = None
    return BuildnetdEngine(
        BuildnetdClient(http, loaded.config.engine.url), builds, clock=clock, root=root.resolve(), packages=packages
    )


def build_environment(loaded: Loaded) -> dict[str, str]:
    """What builds inherit: our environment without the names that the configuration takes secrets from."""
    return child_environment(os.environ, {*loaded.names, "CREDENTIALS_DIRECTORY"})


def cache_limits(loaded: Loaded) -> CacheLimits:
    """How much the cache may hold, and for how long."""
    cache = loaded.config.engine.cache
    return CacheLimits(cache.max_mb << 20, cache.warn_percent, timedelta(days=cache.ttl_days))


def access(loaded: Loaded) -> Access:
    """Who may come in over TCP."""
    remote = loaded.config.remote_control
    api = loaded.config.agent.api
    return Access(
        keys=[
            ApiKey(entry.name, entry.key.get_secret_value().encode(), tuple(entry.permissions))
            for entry in remote.authentication.api_keys
        ],
        hosts=frozenset(name.lower() for name in (*_LOOPBACK_NAMES, api.host, *api.allowed_hosts)),
        is_remote_control_on=remote.enabled,
    )


def inbound_sms(loaded: Loaded) -> Sms | None:
    """The Twilio account whose text messages are commands: the configured one, else the one that the environment names."""
    sms = loaded.config.notifications.channels.sms
    if sms is not None:
        return sms if sms.account_sid and sms.auth_token is not None else None
    sid, token = os.environ.get("TWILIO_ACCOUNT_SID"), os.environ.get("TWILIO_AUTH_TOKEN")
    if not sid or not token or not loaded.config.remote_control.takes_sms:
        return None
    redact.register(token)
    return Sms.model_validate({"enabled": False, "account_sid": sid, "auth_token": token})
