"""A build that somebody else carries out, as its state is handed to the agent: by `run`, over the socket or through the spool."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.engine.model import Build, BuildError, BuildStatus, Origin
from buildnet_cli.errors import UsageError
from buildnet_cli.events.json_value import quoted, read_text

_ID = re.compile(r"(?:build|run)_[0-9a-z]{26}")
_STATUSES = (BuildStatus.RUNNING, BuildStatus.COMPLETED, BuildStatus.FAILED, BuildStatus.CANCELLED)
_LONGEST_NAME = 512
_LONGEST_TEXT = 16_384


def as_handed(build: Build) -> dict[str, Any]:
    """A build's state as JSON, with all that `read_build` wants."""
    return {
        "id": build.id,
        "run_id": build.run_id,
        "package": build.package,
        "status": build.status.value,
        "requested_by": build.requested_by,
        "started_at": to_rfc3339(build.started_at) if build.started_at is not None else None,
        "finished_at": to_rfc3339(build.finished_at) if build.finished_at is not None else None,
        "reason": build.reason,
        "exit_code": build.exit_code,
        "error": dataclasses.asdict(build.error) if build.error is not None else None,
        "processes": build.processes,
    }


def read_build(value: object) -> Build:
    """Check what a `run` handed in. Raises UsageError that names the field."""
    fields = _object("build", value)
    started_at = _time("started_at", fields)
    if started_at is None:
        raise UsageError("a build that runs has begun at some time", where="started_at")
    status = fields.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        raise UsageError(f"{quoted(status)} is no state of a run", where="status")
    error = fields.get("error")
    return Build(
        id=_id("id", fields),
        run_id=_id("run_id", fields),
        package=_text("package", fields, _LONGEST_NAME),
        status=BuildStatus(status),
        requested_by=_text("requested_by", fields, _LONGEST_NAME),
        queued_at=started_at,
        started_at=started_at,
        finished_at=_time("finished_at", fields),
        reason=_text("reason", fields, _LONGEST_NAME),
        exit_code=_number("exit_code", fields),
        error=_error(_object("error", error)) if error is not None else None,
        origin=Origin.RUN,
        processes=_text("processes", fields, _LONGEST_NAME),
    )


def _error(fields: Mapping[str, object]) -> BuildError:
    return BuildError(
        headline=_text("headline", fields, _LONGEST_TEXT),
        file=_text("file", fields, _LONGEST_TEXT),
        line=_number("line", fields),
        suggestion=_text("suggestion", fields, _LONGEST_TEXT),
        tail=_text("tail", fields, _LONGEST_TEXT),
        fingerprint=_text("fingerprint", fields, _LONGEST_NAME),
    )


def _object(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{name} must be a JSON object", where=name)
    return value


def _text(name: str, fields: Mapping[str, object], longest: int) -> str:
    return read_text(name, fields.get(name, ""))[:longest]


def _id(name: str, fields: Mapping[str, object]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise UsageError(f"{quoted(value)} is no id of a build", where=name)
    return value


def _number(name: str, fields: Mapping[str, object]) -> int | None:
    value = fields.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31):
        raise UsageError(f"{name} must be a whole number, not {quoted(value)}", where=name)
    return value


def _time(name: str, fields: Mapping[str, object]) -> datetime | None:
    value = fields.get(name)
    try:
        return from_rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        raise UsageError(f"{quoted(value)} is no RFC 3339 time", where=name) from None
