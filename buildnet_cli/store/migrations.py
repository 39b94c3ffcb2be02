"""The schema, as the steps that lead to it. A step that has been released is never changed; what comes later is a new step."""

from __future__ import annotations

import sqlite_utils
from sqlite_utils import Migrations

from buildnet_cli.store import schema

SCHEMA_VERSION = 10
"""How many steps there are; stored in the file's header."""

migrations = Migrations("buildnet-notify")


@migrations()
def m001_first_tables(db: sqlite_utils.Database) -> None:
    """Events, deliveries with their attempts, builds and commands."""
    _run(db, schema.FIRST_TABLES)


@migrations()
def m002_cache(db: sqlite_utils.Database) -> None:
    """Artifacts, what they are the result of, the last success of each package; and of a build, why it needed its work."""
    _run(db, schema.CACHE_TABLES)


@migrations()
def m003_switches_and_origins(db: sqlite_utils.Database) -> None:
    """What was turned on; and of a build, who carries it out and in which processes."""
    db.execute("CREATE TABLE switches (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
    db.execute("ALTER TABLE builds ADD COLUMN origin TEXT NOT NULL DEFAULT 'engine'")
    db.execute("ALTER TABLE builds ADD COLUMN processes TEXT NOT NULL DEFAULT ''")


@migrations()
def m004_troubles(db: sqlite_utils.Database) -> None:
    """How targets take what they are sent, who was told of it, and deliveries that a person has had tried anew."""
    _run(db, schema.TROUBLES)


@migrations()
def m005_routing(db: sqlite_utils.Database) -> None:
    """What decisions hang on: open problems and who was told of them, the last message of each kind, budgets, mutes."""
    _run(db, schema.ROUTING)


@migrations()
def m006_threads(db: sqlite_utils.Database) -> None:
    """Which problem a delivery tells of, and how the provider calls the message, so that later ones can refer to it."""
    _run(db, schema.THREADS)


@migrations()
def m007_confirmations(db: sqlite_utils.Database) -> None:
    """Commands that wait for their code; and of a build, who cancelled it and whether it is forced."""
    _run(db, schema.CONFIRMATIONS)


@migrations()
def m008_audit(db: sqlite_utils.Database) -> None:
    """The audit's chain, and the messages from outside that have been acted on."""
    _run(db, schema.AUDIT)


@migrations()
def m009_answers(db: sqlite_utils.Database) -> None:
    """Messages to whoever asked, wherever that is; and who waits for which build."""
    _run(db, _ANSWERS)


@migrations()
def m010_bookmarks(db: sqlite_utils.Database) -> None:
    """How far we have read what providers keep for us."""
    db.execute("CREATE TABLE bookmarks (reader TEXT PRIMARY KEY, place INTEGER NOT NULL) STRICT, WITHOUT ROWID")


def _run(db: sqlite_utils.Database, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)


_ANSWERS = """
ALTER TABLE deliveries ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN answers TEXT NOT NULL DEFAULT '';

CREATE TABLE awaited (
    request_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    build_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    answers TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX awaited_by_run ON awaited (run_id);
"""
