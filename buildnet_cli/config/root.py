"""The whole configuration. `Config()` is one, too: everything has a default, and nothing is sent."""

from __future__ import annotations

from pydantic import Field

from buildnet_cli.config.agent import Agent
from buildnet_cli.config.engine import Engine, Package
from buildnet_cli.config.fields import Items
from buildnet_cli.config.monitoring import Monitoring
from buildnet_cli.config.notifications import Notifications
from buildnet_cli.config.remote_control import RemoteControl
from buildnet_cli.config.reports import Reports
from buildnet_cli.config.section import Section
from buildnet_cli.config.storage import Storage


class Config(Section):
    """One `notifications.yaml`."""

    agent: Agent = Field(default_factory=Agent, description="The background process.")
    engine: Engine = Field(default_factory=Engine, description="The build system.")
    packages: Items[Package] = Field(
        (), description="What is built, for projects that keep one file. Default: engine.config says it."
    )
    notifications: Notifications = Field(
        default_factory=Notifications, description="Who hears of what, when, and through which channels."
    )
    remote_control: RemoteControl = Field(default_factory=RemoteControl, description="Who may send commands. Default: nobody.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="What is measured. Default: nothing.")
    reports: Reports = Field(default_factory=Reports, description="What is summed up. Default: nothing by itself.")
    storage: Storage = Field(default_factory=Storage, description="How long the database keeps what happened.")
