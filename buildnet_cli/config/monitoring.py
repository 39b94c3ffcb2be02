"""`monitoring`: what is measured, how often, and from which values on it is a warning or critical."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import AliasChoices, AliasPath, Field, model_validator

from buildnet_cli.config.fields import Between, EventType, Items, Name, Percent, Switch
from buildnet_cli.config.section import Section
from buildnet_cli.events.catalog import CATALOG, Turn

Seconds = Annotated[int, Between(1, 86_400, "seconds")]
Samples = Annotated[int, Between(1, 1000, "samples")]
Megabytes = Annotated[int, Between(1, 100_000_000, "megabytes")]


def _percent(level: str, default: float, description: str) -> Any:
    """A percentage that may be written flat or under `thresholds`, with or without `_percent`."""
    names = (level, f"{level}_percent")
    choices = AliasChoices(*names, *(AliasPath("thresholds", name) for name in names))
    return Field(default, validation_alias=choices, description=f"{description} Default: {default:g}.")


def _megabytes(level: str, description: str) -> Any:
    choices = AliasChoices(f"{level}_mb", AliasPath("thresholds", f"{level}_mb"))
    return Field(None, validation_alias=choices, description=f"{description} Default: not looked at.")


def refuse_unordered(lower: str, low: float | None, upper: str, high: float | None) -> None:
    """Raises ValueError unless the lower level is below the upper one."""
    if low is not None and high is not None and low >= high:
        raise ValueError(f"{lower} ({low:g}) must be below {upper} ({high:g})")


class ResourceEvents(Section):
    """What the events of a resource are called."""

    on_warning: EventType | None = Field(
        None, description="Type of the event when the warning level is reached. Default: the built-in one."
    )
    on_critical: EventType | None = Field(
        None, description="Type of the event when the critical level is reached. Default: the built-in one."
    )
    on_recovery: EventType | None = Field(
        None, description="Type of the event when all is well again. Default: the built-in one."
    )

    @model_validator(mode="after")
    def _recovery_is_told_apart(self) -> Self:
        if self.on_recovery is not None and self.on_recovery in (self.on_warning, self.on_critical):
            raise ValueError(
                "on_recovery must differ from on_warning and on_critical; else nobody could tell the end from the start"
            )
        return self


class Resource(Section):
    """One thing that is sampled."""

    family: ClassVar[str]
    """What its events begin with."""
    default_events: ClassVar[tuple[str, str, str]]
    """Types for warning, critical and recovery."""
    default_interval_secs: ClassVar[int] = 10

    enabled: Switch = Field(True, description="Whether it is sampled. Default: true once the section is there.")
    interval_secs: Seconds | None = Field(
        None, description="Seconds between samples. Default: monitoring.interval_secs, else 10 (disk 60)."
    )
    for_samples: Samples = Field(
        3, alias="for", description="Samples in a row that it takes to enter or leave a level. Default: 3."
    )
    leave_warning: Percent | None = Field(
        None, description="Percent below which a warning ends. Default: 5 points below the warning level."
    )
    leave_critical: Percent | None = Field(
        None, description="Percent below which critical ends. Default: 5 points below the critical level."
    )
    events: ResourceEvents = Field(default_factory=ResourceEvents, description="What its events are called.")

    @property
    def event_types(self) -> tuple[str, str, str]:
        """Types of the events for warning, critical and recovery."""
        warning, critical, recovery = self.default_events
        return self.events.on_warning or warning, self.events.on_critical or critical, self.events.on_recovery or recovery


class Cpu(Resource):
    """The processors, all together."""

    family: ClassVar[str] = "resource.cpu"
    default_events: ClassVar[tuple[str, str, str]] = ("resource.cpu.warning", "resource.cpu.high", "resource.cpu.normal")

    warning: Percent = _percent("warning", 70, "Percent of use from which it is a warning.")
    critical: Percent = _percent("critical", 90, "Percent of use from which it is critical.")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning", self.warning, "critical", self.critical)
        refuse_unordered("leave_warning", self.leave_warning, "warning", self.warning)
        refuse_unordered("leave_critical", self.leave_critical, "critical", self.critical)
        return self


class Memory(Cpu):
    """Main memory; percent and megabytes may both be given, and the worse of the two counts."""

    family: ClassVar[str] = "resource.memory"
    default_events: ClassVar[tuple[str, str, str]] = ("resource.memory.warning", "resource.memory.high", "resource.memory.normal")

    warning_mb: Megabytes | None = _megabytes("warning", "Megabytes in use from which it is a warning.")
    critical_mb: Megabytes | None = _megabytes("critical", "Megabytes in use from which it is critical.")

    @model_validator(mode="after")
    def _megabytes_are_ordered(self) -> Self:
        refuse_unordered("warning_mb", self.warning_mb, "critical_mb", self.critical_mb)
        return self


class DiskPath(Section):
    """One file system, named by a path on it."""

    path: Name = Field(description="Any path on the file system, such as /var. Required.")
    warning: Percent = _percent("warning", 80, "Percent full from which it is a warning.")
    critical: Percent = _percent("critical", 95, "Percent full from which it is critical.")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning", self.warning, "critical", self.critical)
        return self


class Disk(Resource):
    """Disk space."""

    family: ClassVar[str] = "resource.disk"
    default_events: ClassVar[tuple[str, str, str]] = ("resource.disk.warning", "resource.disk.low", "resource.disk.normal")
    default_interval_secs: ClassVar[int] = 60

    paths: Items[DiskPath] = Field(
        default_factory=lambda: (DiskPath(path="/"),), description='File systems that are watched. Default: "/".'
    )

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        for disk in self.paths:
            refuse_unordered("leave_warning", self.leave_warning, f"warning of {disk.path}", disk.warning)
            refuse_unordered("leave_critical", self.leave_critical, f"critical of {disk.path}", disk.critical)
        return self


class Resources(Section):
    """The machine. What has no section is not watched."""

    cpu: Cpu | None = Field(None, description="The processors. Default: not watched.")
    memory: Memory | None = Field(None, description="Main memory. Default: not watched.")
    disk: Disk | None = Field(None, description="Disk space. Default: not watched.")


class Duration(Section):
    """How long builds take."""

    enabled: Switch = Field(True, description="Whether it is watched. Default: true once the section is there.")
    warning_secs: Seconds = Field(300, description="Seconds from which a build is a warning. Default: 300.")
    critical_secs: Seconds = Field(600, description="Seconds from which a build is critical. Default: 600.")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning_secs", self.warning_secs, "critical_secs", self.critical_secs)
        return self


class Queue(Section):
    """How many builds wait."""

    enabled: Switch = Field(True, description="Whether it is watched. Default: true once the section is there.")
    warning_size: Annotated[int, Between(1, 1_000_000, "builds")] = Field(
        10, description="Waiting builds from which it is a warning. Default: 10."
    )
    critical_size: Annotated[int, Between(1, 1_000_000, "builds")] = Field(
        50, description="Waiting builds from which it is critical. Default: 50."
    )

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning_size", self.warning_size, "critical_size", self.critical_size)
        return self


class FailureRate(Section):
    """How many builds fail, once there are at least five."""

    enabled: Switch = Field(True, description="Whether it is watched. Default: true once the section is there.")
    window_mins: Annotated[int, Between(1, 43_200, "minutes")] = Field(
        60, description="Minutes that are looked back on. Default: 60."
    )
    warning: Percent = _percent("warning", 20, "Percent of failed builds from which it is a warning.")
    critical: Percent = _percent("critical", 50, "Percent of failed builds from which it is critical.")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning", self.warning, "critical", self.critical)
        return self


class Builds(Section):
    """The builds. What has no section is not watched."""

    duration: Duration | None = Field(None, description="How long builds take. Default: not watched.")
    queue: Queue | None = Field(None, description="How many builds wait. Default: not watched.")
    failure_rate: FailureRate | None = Field(None, description="How many builds fail. Default: not watched.")


class NodeHealth(Section):
    """Worker nodes."""

    health_check_interval_secs: Seconds = Field(30, description="Seconds between health checks. Default: 30.")
    timeout_secs: Seconds = Field(10, description="Seconds a node may take to answer. Default: 10.")
    max_failures: Annotated[int, Between(1, 1000, "failures")] = Field(
        3, description="Failed checks in a row that make a node unhealthy. Default: 3."
    )


class Capacity(Section):
    """How busy the cluster is."""

    warning: Percent = _percent("warning", 80, "Percent of use from which it is a warning.")
    critical: Percent = _percent("critical", 95, "Percent of use from which it is critical.")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        refuse_unordered("warning", self.warning, "critical", self.critical)
        return self


class PluginHealth(Section):
    """Plugins."""

    health_check_interval_secs: Seconds = Field(60, description="Seconds between health checks. Default: 60.")


class Cluster(Section):
    """The cluster; checked, and not yet acted on."""

    enabled: Switch = Field(True, description="Whether it is watched. Default: true once the section is there.")
    nodes: NodeHealth = Field(default_factory=NodeHealth, description="Worker nodes.")
    capacity: Capacity = Field(default_factory=Capacity, description="How busy the cluster is.")
    plugins: PluginHealth = Field(default_factory=PluginHealth, description="Plugins.")


class Monitoring(Section):
    """Monitoring as a whole."""

    enabled: Switch = Field(True, description="Whether anything is watched. Default: true.")
    interval_secs: Seconds | None = Field(
        None, description="Seconds between samples, unless a resource says otherwise. Default: 10 (disk 60)."
    )
    resources: Resources = Field(default_factory=Resources, description="The machine.")
    builds: Builds = Field(default_factory=Builds, description="The builds.")
    cluster: Cluster | None = Field(None, description="The cluster. Default: not watched.")

    def watched(self) -> tuple[Resource, ...]:
        """The resources that are sampled."""
        listed: tuple[Resource | None, ...] = (self.resources.cpu, self.resources.memory, self.resources.disk)
        return tuple(each for each in listed if self.enabled and each is not None and each.enabled)

    def interval_of(self, resource: Resource) -> timedelta:
        """Time between samples of a resource: its own, else the common one, else its default."""
        return timedelta(seconds=resource.interval_secs or self.interval_secs or resource.default_interval_secs)

    def incident_pairing(self) -> dict[str, tuple[str, Turn]]:
        """Event types that the operator named for a resource, to pair like the built-in ones: type → (family, turn)."""
        turns = (Turn.OPENS, Turn.OPENS, Turn.CLOSES)
        return {
            name: (resource.family, turn)
            for resource in self.watched()
            for name, turn in zip(resource.event_types, turns, strict=True)
            if name not in CATALOG
        }
