-- What the engine writes with each step. Times are milliseconds since 1970 UTC, JSON is text.

CREATE TABLE trades (
    id             TEXT    NOT NULL PRIMARY KEY,
    bundle         TEXT    NOT NULL,
    bundle_version TEXT    NOT NULL,
    bundle_sha256  TEXT    NOT NULL,
    -- How many history entries there are; also the version that a writer compares before it writes.
    seq            BIGINT  NOT NULL,
    head           TEXT    NOT NULL,
    now            BIGINT  NOT NULL,
    opened_at      BIGINT  NOT NULL,
    done           BOOLEAN NOT NULL
);
-- Publishing and purging: is any trade pinned to this bundle?
CREATE INDEX trades_by_bundle ON trades (bundle, bundle_version);

CREATE TABLE instances (
    id         TEXT    NOT NULL PRIMARY KEY,
    trade      TEXT    NOT NULL,
    machine    TEXT    NOT NULL,
    parent     TEXT,
    owner      TEXT,
    key        TEXT,
    -- Paths of active states, and active tags, each with a space on both sides: LIKE '% held %'.
    states     TEXT    NOT NULL,
    tags       TEXT    NOT NULL,
    done       BOOLEAN NOT NULL,
    opened_at  BIGINT  NOT NULL,
    changed_at BIGINT  NOT NULL,
    -- How many rows of `published` and `records` the instance has; numbers the next.
    published  BIGINT  NOT NULL,
    recorded   BIGINT  NOT NULL,
    body       TEXT    NOT NULL
);
-- The engine: load a trade.
CREATE INDEX instances_by_trade ON instances (trade);
-- Lists: newest of a machine first.
CREATE INDEX instances_by_machine ON instances (machine, opened_at, id);
-- My trades.
CREATE INDEX instances_by_owner ON instances (owner, opened_at) WHERE owner IS NOT NULL;

-- Listed fields, typed: what lists show, filter and sort by. Rebuildable from history.
CREATE TABLE instance_fields (
    instance TEXT   NOT NULL,
    field    TEXT   NOT NULL,
    trade    TEXT   NOT NULL,
    machine  TEXT   NOT NULL,
    value    TEXT   NOT NULL,
    -- The first 500 characters of a text, for search and filters.
    text     TEXT,
    number   BIGINT,
    PRIMARY KEY (instance, field)
);
-- Lists: filter by a text field; hooks: find the instance that a message names.
CREATE INDEX instance_fields_by_text ON instance_fields (machine, field, text) WHERE text IS NOT NULL;
-- Lists: filter and sort by a number, an amount or a time.
CREATE INDEX instance_fields_by_number ON instance_fields (machine, field, number) WHERE number IS NOT NULL;

CREATE TABLE timers (
    instance    TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    trade       TEXT    NOT NULL,
    generation  BIGINT  NOT NULL,
    due_at      BIGINT  NOT NULL,
    -- Neither frozen nor provisional nor held nor of an ended instance.
    live        BOOLEAN NOT NULL,
    provisional BOOLEAN NOT NULL,
    PRIMARY KEY (instance, name)
);
-- The timer loop: what is due, and what is due next.
CREATE INDEX timers_due ON timers (due_at) WHERE live;
-- Calendar import: trades whose deadlines rest on an unpublished year.
CREATE INDEX timers_provisional ON timers (trade) WHERE provisional;

CREATE TABLE todos (
    id          TEXT    NOT NULL PRIMARY KEY,
    trade       TEXT    NOT NULL,
    instance    TEXT    NOT NULL,
    machine     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    entry       BIGINT  NOT NULL,
    opened_at   BIGINT  NOT NULL,
    due_at      BIGINT,
    provisional BOOLEAN NOT NULL,
    claimed_by  TEXT,
    frozen      BOOLEAN NOT NULL,
    -- 'open', 'done' or 'cancelled'
    status      TEXT    NOT NULL,
    outcome     TEXT,
    closed_at   BIGINT,
    closed_by   TEXT
);
-- To-dos of an instance, open and past.
CREATE INDEX todos_by_instance ON todos (instance);
-- Reminder sweep and digest: open ones by due date.
CREATE INDEX todos_open ON todos (due_at) WHERE status = 'open';

-- Whom an open to-do concerns: `post:clerk@…`, `party:…`.
CREATE TABLE todo_audience (
    todo     TEXT NOT NULL,
    audience TEXT NOT NULL,
    PRIMARY KEY (todo, audience)
);
-- My to-dos.
CREATE INDEX todo_audience_by_audience ON todo_audience (audience, todo);

CREATE TABLE history (
    trade        TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    instance     TEXT   NOT NULL,
    event        TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    public       TEXT   NOT NULL,
    public_salt  TEXT   NOT NULL,
    -- Erased together with its salt where personal data must go; `private_commitment` keeps the chain provable.
    private      TEXT,
    private_salt TEXT,
    private_commitment TEXT NOT NULL,
    prev         TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    PRIMARY KEY (trade, seq)
);

-- Ids begin with the time, so that new rows stand together in the index and a commit touches few pages.
CREATE TABLE outbox (
    id           TEXT   NOT NULL PRIMARY KEY,
    trade        TEXT   NOT NULL,
    instance     TEXT   NOT NULL,
    -- 'document', 'mail', 'todo_mail', 'webhook' or 'new_trade'
    kind         TEXT   NOT NULL,
    -- {effect, snapshot}
    payload      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    available_at BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    lease_until  BIGINT,
    lease_owner  TEXT,
    done_at      BIGINT,
    failed_at    BIGINT,
    error        TEXT
);
-- The outbox worker: what waits, oldest first.
CREATE INDEX outbox_pending ON outbox (available_at) WHERE done_at IS NULL AND failed_at IS NULL;

-- Double entry: the lines of one movement add up to zero.
CREATE TABLE ledger_postings (
    trade     TEXT   NOT NULL,
    -- The history length after the step, and the line within it.
    seq       BIGINT NOT NULL,
    line      BIGINT NOT NULL,
    instance  TEXT   NOT NULL,
    movement  TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    -- Fen; what arrives on the account is positive.
    amount    BIGINT NOT NULL,
    reference TEXT,
    at        BIGINT NOT NULL,
    PRIMARY KEY (trade, seq, line)
);
-- Balances of one instance's accounts.
CREATE INDEX ledger_postings_by_instance ON ledger_postings (instance);

CREATE TABLE incidents (
    id        TEXT   NOT NULL PRIMARY KEY,
    trade     TEXT,
    instance  TEXT,
    -- 'fault', 'timer', 'late_ingress', 'outbox', 'store'
    kind      TEXT   NOT NULL,
    -- Transition id, timer, invariant, or the outbox row's id.
    place     TEXT   NOT NULL,
    text      TEXT   NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT
);
-- The admin's list of what is open.
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;

-- What was published to the live stream, numbered within its instance.
CREATE TABLE published (
    instance TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    trade    TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    data     TEXT   NOT NULL,
    PRIMARY KEY (instance, number)
);

-- The public record of an instance, numbered within it.
CREATE TABLE records (
    instance TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    trade    TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    data     TEXT   NOT NULL,
    PRIMARY KEY (instance, number)
);

CREATE TABLE idempotency_keys (
    actor       TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    body_sha256 TEXT   NOT NULL,
    receipt     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
-- Retention: keys older than 72 hours.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- Published bundles; never changed, and never deleted while a trade is pinned to one.
CREATE TABLE definitions (
    name         TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    sha256       TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    -- {path: text}
    files        TEXT   NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT   NOT NULL,
    PRIMARY KEY (name, version)
);

-- Every version of every calendar: a replay counts with the one of its time.
CREATE TABLE calendars (
    name        TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT   NOT NULL,
    PRIMARY KEY (name, version)
);

-- One row for each slot of a recurring job, so that it runs once over all processes and restarts.
CREATE TABLE schedule_slots (
    schedule   TEXT   NOT NULL,
    slot       TEXT   NOT NULL,
    claimed_at BIGINT NOT NULL,
    done_at    BIGINT,
    PRIMARY KEY (schedule, slot)
);

-- When each process was last able to write; what is missing between two marks is an outage.
CREATE TABLE heartbeats (
    process TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL
);

-- Spans in which nothing could be written; a timer is told how much of its time they took.
CREATE TABLE outages (
    from_at  BIGINT NOT NULL PRIMARY KEY,
    until_at BIGINT NOT NULL,
    reason   TEXT   NOT NULL
);
