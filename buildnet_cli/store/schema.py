"""What each step of the migrations adds: tables, indexes and triggers.

Times are RFC 3339 text in UTC, so that text order is time order. `seq` is the order of acceptance; pages are cut by it.
`lease` is the time since which the dispatcher holds a delivery; `anew_at` and `anew_after` are when a person had it tried anew,
and how many attempts had been made by then. `hold` is the stage of the router that holds it; `folded_into` the delivery of the
digest that tells of it, whose end becomes its own. `incident` is the event that opened the problem it tells of, `ref` how the
provider calls the message. The messages of a budget are numbered, to find its nth newest at once.
"""

from __future__ import annotations

FIRST_TABLES = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    priority TEXT NOT NULL,
    message TEXT NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    payload TEXT NOT NULL,
    unheard TEXT NOT NULL,
    key TEXT UNIQUE
) STRICT;
CREATE INDEX events_by_type ON events (type);
CREATE INDEX events_by_priority ON events (priority);
CREATE INDEX events_by_subject ON events (subject);
CREATE INDEX events_by_acceptance ON events (accepted_at);

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL REFERENCES events (id),
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    rank INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    reasons TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    next_attempt_at TEXT,
    has_turn INTEGER NOT NULL,
    lease TEXT,
    finished_at TEXT,
    answer TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_by_event ON deliveries (event_id);
CREATE INDEX deliveries_by_status ON deliveries (status);
CREATE INDEX deliveries_by_channel ON deliveries (channel);
CREATE INDEX deliveries_failing ON deliveries (channel) WHERE status = 'pending' AND answer <> '';
CREATE INDEX deliveries_leased ON deliveries (lease) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_in_line ON deliveries (channel, recipient, subject, seq) WHERE status = 'pending';
CREATE INDEX deliveries_ready ON deliveries (channel, recipient, rank, next_attempt_at)
    WHERE status = 'pending' AND has_turn = 1 AND lease IS NULL;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE status = 'pending' AND has_turn = 1 AND lease IS NULL;

CREATE TABLE attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    n INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    outcome TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (delivery_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    entry TEXT PRIMARY KEY,
    amount INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledger VALUES ('accepted', 0);

CREATE TABLE builds (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    package TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    tier TEXT,
    reason TEXT NOT NULL,
    exit_code INTEGER,
    error TEXT
) STRICT;
CREATE INDEX builds_by_package ON builds (package);
CREATE INDEX builds_by_run ON builds (run_id);
CREATE INDEX builds_by_queueing ON builds (queued_at);
CREATE INDEX builds_unfinished ON builds (seq) WHERE status IN ('queued', 'running');

CREATE TABLE commands (
    seq INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    status TEXT NOT NULL,
    channel TEXT NOT NULL,
    principal TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    finished_at TEXT,
    result TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
"""

CACHE_TABLES = """
ALTER TABLE builds ADD COLUMN why TEXT;

CREATE TABLE artifacts (
    hash TEXT PRIMARY KEY,
    package TEXT NOT NULL,
    size INTEGER NOT NULL,
    files INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cached_outputs (
    key TEXT NOT NULL,
    output TEXT NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifacts (hash) ON DELETE CASCADE,
    PRIMARY KEY (key, output)
) STRICT, WITHOUT ROWID;
CREATE INDEX cached_outputs_by_artifact ON cached_outputs (artifact);

CREATE TABLE successes (
    package TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    parts TEXT NOT NULL,
    outputs TEXT NOT NULL,
    digests TEXT NOT NULL,
    stored_at TEXT NOT NULL
) STRICT;
"""

TROUBLES = """
CREATE TABLE breakers (
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    flow TEXT NOT NULL,
    since TEXT,
    in_a_row INTEGER NOT NULL,
    recent TEXT NOT NULL,
    pause_secs INTEGER NOT NULL,
    not_before TEXT,
    answer TEXT NOT NULL,
    PRIMARY KEY (channel, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarms (
    subject TEXT PRIMARY KEY,
    told_at TEXT NOT NULL,
    is_open INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE deliveries ADD COLUMN anew_at TEXT;
ALTER TABLE deliveries ADD COLUMN anew_after INTEGER NOT NULL DEFAULT 0;
"""

THREADS = """
ALTER TABLE deliveries ADD COLUMN incident TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN ref TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_told ON deliveries (incident, channel, recipient) WHERE ref <> '';
"""

ROUTING = """
ALTER TABLE deliveries ADD COLUMN hold TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN folded_into TEXT;
ALTER TABLE deliveries ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_held ON deliveries (channel, recipient, subject, next_attempt_at)
    WHERE status = 'held' AND folded_into IS NULL;
CREATE INDEX deliveries_held_rank ON deliveries (channel, recipient, subject, rank) WHERE status = 'held' AND folded_into IS NULL;
CREATE INDEX deliveries_held_by ON deliveries (channel, recipient, hold, next_attempt_at)
    WHERE status = 'held' AND folded_into IS NULL;
CREATE INDEX deliveries_held_due ON deliveries (next_attempt_at) WHERE status = 'held' AND folded_into IS NULL;
CREATE INDEX deliveries_folded ON deliveries (folded_into) WHERE folded_into IS NOT NULL;

CREATE TRIGGER fold_ends AFTER UPDATE OF status ON deliveries
WHEN NEW.status NOT IN ('pending', 'held') AND OLD.status IN ('pending', 'held')
BEGIN UPDATE deliveries SET status = NEW.status, finished_at = NEW.finished_at, next_attempt_at = NULL
    WHERE folded_into = NEW.id AND status = 'held'; END;

CREATE TRIGGER fold_begins_anew AFTER UPDATE OF status ON deliveries
WHEN NEW.status IN ('pending', 'held') AND OLD.status NOT IN ('pending', 'held')
BEGIN UPDATE deliveries SET status = 'held', finished_at = NULL WHERE folded_into = NEW.id; END;

CREATE TABLE incidents (
    family TEXT NOT NULL,
    subject TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    last_type TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (family, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE owed (
    family TEXT NOT NULL,
    subject TEXT NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    PRIMARY KEY (family, subject, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE told (
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    identity TEXT NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    type TEXT NOT NULL,
    priority TEXT NOT NULL,
    at TEXT NOT NULL,
    incident TEXT NOT NULL,
    folded INTEGER NOT NULL,
    PRIMARY KEY (channel, recipient, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_by_delivery ON told (delivery_id);
CREATE INDEX told_by_time ON told (at);

CREATE TABLE slots (
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    lane TEXT NOT NULL,
    n INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (channel, recipient, lane, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_by_time ON slots (at);

CREATE TABLE mutes (
    id TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    subject TEXT,
    until TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mutes_by_end ON mutes (until);
"""

CONFIRMATIONS = """
CREATE TABLE confirmations (
    request_id TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    channel TEXT NOT NULL,
    identifier TEXT NOT NULL,
    salt BLOB NOT NULL,
    digest BLOB NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX confirmations_by_asker ON confirmations (channel, identifier, request_id);

ALTER TABLE builds ADD COLUMN cancelled_by TEXT NOT NULL DEFAULT '';
ALTER TABLE builds ADD COLUMN is_forced INTEGER NOT NULL DEFAULT 0;
"""

AUDIT = """
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    timestamp TEXT NOT NULL,
    command TEXT NOT NULL,
    channel TEXT NOT NULL,
    identifier TEXT NOT NULL,
    authenticated INTEGER NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    previous TEXT NOT NULL,
    seal TEXT NOT NULL,
    event_type TEXT NOT NULL DEFAULT '',
    understood TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '{}',
    end_seal TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE inbound (
    channel TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (channel, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_by_time ON inbound (at);
"""
