"""`storage`: how long the database keeps what happened."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from buildnet_cli.config.fields import Between
from buildnet_cli.config.section import Section

_Days = Annotated[int, Between(1, 36_500, "days")]


class Retention(Section):
    """Days that rows are kept."""

    events: _Days = Field(90, description="Days an event is kept. Default: 90.")
    deliveries: _Days = Field(90, description="Days a finished delivery and its attempts are kept. Default: 90.")
    audit: _Days = Field(400, description="Days an audit entry is kept. Default: 400.")
    builds: _Days = Field(400, description="Days a build is kept. Default: 400.")
    samples: _Days = Field(30, description="Days a sample of a monitor is kept. Default: 30.")


class Storage(Section):
    """The database."""

    retention_days: Retention = Field(default_factory=Retention, description="Days that rows are kept.")
