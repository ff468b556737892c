-- What the engine writes with each step. Times are milliseconds since 1970 UTC, JSON is text.

CREATE TABLE trades (
    id             TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    bundle         TEXT COLLATE "C"    NOT NULL,
    bundle_version TEXT COLLATE "C"    NOT NULL,
    bundle_sha256  TEXT COLLATE "C"    NOT NULL,
    -- How many history entries there are; also the version that a writer compares before it writes.
    seq            BIGINT  NOT NULL,
    head           TEXT COLLATE "C"    NOT NULL,
    now            BIGINT  NOT NULL,
    opened_at      BIGINT  NOT NULL,
    done           BOOLEAN NOT NULL
);
-- Publishing and purging: is any trade pinned to this bundle?
CREATE INDEX trades_by_bundle ON trades (bundle, bundle_version);

CREATE TABLE instances (
    id         TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    trade      TEXT COLLATE "C"    NOT NULL,
    machine    TEXT COLLATE "C"    NOT NULL,
    parent     TEXT COLLATE "C",
    owner      TEXT COLLATE "C",
    key        TEXT COLLATE "C",
    -- Paths of active states, and active tags, each with a space on both sides: LIKE '% held %'.
    states     TEXT COLLATE "C"    NOT NULL,
    tags       TEXT COLLATE "C"    NOT NULL,
    done       BOOLEAN NOT NULL,
    opened_at  BIGINT  NOT NULL,
    changed_at BIGINT  NOT NULL,
    -- How many rows of `published` and `records` the instance has; numbers the next.
    published  BIGINT  NOT NULL,
    recorded   BIGINT  NOT NULL,
    body       TEXT COLLATE "C"    NOT NULL
);
-- The engine: load a trade.
CREATE INDEX instances_by_trade ON instances (trade);
-- Lists: newest of a machine first.
CREATE INDEX instances_by_machine ON instances (machine, opened_at, id);
-- My trades.
CREATE INDEX instances_by_owner ON instances (owner, opened_at) WHERE owner IS NOT NULL;

-- Listed fields, typed: what lists show, filter and sort by. Rebuildable from history.
CREATE TABLE instance_fields (
    instance TEXT COLLATE "C"   NOT NULL,
    field    TEXT COLLATE "C"   NOT NULL,
    trade    TEXT COLLATE "C"   NOT NULL,
    machine  TEXT COLLATE "C"   NOT NULL,
    value    TEXT COLLATE "C"   NOT NULL,
    -- The first 500 characters of a text, for search and filters.
    text     TEXT COLLATE "C",
    number   BIGINT,
    PRIMARY KEY (instance, field)
);
-- Lists: filter by a text field; hooks: find the instance that a message names.
CREATE INDEX instance_fields_by_text ON instance_fields (machine, field, text) WHERE text IS NOT NULL;
-- Lists: filter and sort by a number, an amount or a time.
CREATE INDEX instance_fields_by_number ON instance_fields (machine, field, number) WHERE number IS NOT NULL;

CREATE TABLE timers (
    instance    TEXT COLLATE "C"    NOT NULL,
    name        TEXT COLLATE "C"    NOT NULL,
    trade       TEXT COLLATE "C"    NOT NULL,
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
    id          TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    trade       TEXT COLLATE "C"    NOT NULL,
    instance    TEXT COLLATE "C"    NOT NULL,
    machine     TEXT COLLATE "C"    NOT NULL,
    state       TEXT COLLATE "C"    NOT NULL,
    name        TEXT COLLATE "C"    NOT NULL,
    entry       BIGINT  NOT NULL,
    opened_at   BIGINT  NOT NULL,
    due_at      BIGINT,
    provisional BOOLEAN NOT NULL,
    claimed_by  TEXT COLLATE "C",
    frozen      BOOLEAN NOT NULL,
    -- 'open', 'done' or 'cancelled'
    status      TEXT COLLATE "C"    NOT NULL,
    outcome     TEXT COLLATE "C",
    closed_at   BIGINT,
    closed_by   TEXT COLLATE "C"
);
-- To-dos of an instance, open and past.
CREATE INDEX todos_by_instance ON todos (instance);
-- Reminder sweep and digest: open ones by due date.
CREATE INDEX todos_open ON todos (due_at) WHERE status = 'open';

-- Whom an open to-do concerns: `post:clerk@…`, `party:…`.
CREATE TABLE todo_audience (
    todo     TEXT COLLATE "C" NOT NULL,
    audience TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (todo, audience)
);
-- My to-dos.
CREATE INDEX todo_audience_by_audience ON todo_audience (audience, todo);

CREATE TABLE history (
    trade        TEXT COLLATE "C"   NOT NULL,
    seq          BIGINT NOT NULL,
    instance     TEXT COLLATE "C"   NOT NULL,
    event        TEXT COLLATE "C"   NOT NULL,
    at           BIGINT NOT NULL,
    public       TEXT COLLATE "C"   NOT NULL,
    public_salt  TEXT COLLATE "C"   NOT NULL,
    -- Erased together with its salt where personal data must go; `private_commitment` keeps the chain provable.
    private      TEXT COLLATE "C",
    private_salt TEXT COLLATE "C",
    private_commitment TEXT COLLATE "C" NOT NULL,
    prev         TEXT COLLATE "C"   NOT NULL,
    hash         TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (trade, seq)
);

-- Ids begin with the time, so that new rows stand together in the index and a commit touches few pages.
CREATE TABLE outbox (
    id           TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    trade        TEXT COLLATE "C"   NOT NULL,
    instance     TEXT COLLATE "C"   NOT NULL,
    -- 'document', 'mail', 'todo_mail', 'webhook' or 'new_trade'
    kind         TEXT COLLATE "C"   NOT NULL,
    -- {effect, snapshot}
    payload      TEXT COLLATE "C"   NOT NULL,
    created_at   BIGINT NOT NULL,
    available_at BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    lease_until  BIGINT,
    lease_owner  TEXT COLLATE "C",
    done_at      BIGINT,
    failed_at    BIGINT,
    error        TEXT COLLATE "C"
);
-- The outbox worker: what waits, oldest first.
CREATE INDEX outbox_pending ON outbox (available_at) WHERE done_at IS NULL AND failed_at IS NULL;

-- Double entry: the lines of one movement add up to zero.
CREATE TABLE ledger_postings (
    trade     TEXT COLLATE "C"   NOT NULL,
    -- The history length after the step, and the line within it.
    seq       BIGINT NOT NULL,
    line      BIGINT NOT NULL,
    instance  TEXT COLLATE "C"   NOT NULL,
    movement  TEXT COLLATE "C"   NOT NULL,
    account   TEXT COLLATE "C"   NOT NULL,
    -- Fen; what arrives on the account is positive.
    amount    BIGINT NOT NULL,
    reference TEXT COLLATE "C",
    at        BIGINT NOT NULL,
    PRIMARY KEY (trade, seq, line)
);
-- Balances of one instance's accounts.
CREATE INDEX ledger_postings_by_instance ON ledger_postings (instance);

CREATE TABLE incidents (
    id        TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    trade     TEXT COLLATE "C",
    instance  TEXT COLLATE "C",
    -- 'fault', 'timer', 'late_ingress', 'outbox', 'store'
    kind      TEXT COLLATE "C"   NOT NULL,
    -- Transition id, timer, invariant, or the outbox row's id.
    place     TEXT COLLATE "C"   NOT NULL,
    text      TEXT COLLATE "C"   NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT COLLATE "C"
);
-- The admin's list of what is open.
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;

-- What was published to the live stream, numbered within its instance.
CREATE TABLE published (
    instance TEXT COLLATE "C"   NOT NULL,
    number   BIGINT NOT NULL,
    trade    TEXT COLLATE "C"   NOT NULL,
    at       BIGINT NOT NULL,
    data     TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (instance, number)
);

-- The public record of an instance, numbered within it.
CREATE TABLE records (
    instance TEXT COLLATE "C"   NOT NULL,
    number   BIGINT NOT NULL,
    trade    TEXT COLLATE "C"   NOT NULL,
    kind     TEXT COLLATE "C"   NOT NULL,
    at       BIGINT NOT NULL,
    data     TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (instance, number)
);

CREATE TABLE idempotency_keys (
    actor       TEXT COLLATE "C"   NOT NULL,
    key         TEXT COLLATE "C"   NOT NULL,
    body_sha256 TEXT COLLATE "C"   NOT NULL,
    receipt     TEXT COLLATE "C"   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
-- Retention: keys older than 72 hours.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- Published bundles; never changed, and never deleted while a trade is pinned to one.
CREATE TABLE definitions (
    name         TEXT COLLATE "C"   NOT NULL,
    version      TEXT COLLATE "C"   NOT NULL,
    sha256       TEXT COLLATE "C"   NOT NULL,
    title        TEXT COLLATE "C"   NOT NULL,
    -- {path: text}
    files        TEXT COLLATE "C"   NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (name, version)
);

-- Every version of every calendar: a replay counts with the one of its time.
CREATE TABLE calendars (
    name        TEXT COLLATE "C"   NOT NULL,
    version     BIGINT NOT NULL,
    body        TEXT COLLATE "C"   NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT COLLATE "C"   NOT NULL,
    PRIMARY KEY (name, version)
);

-- One row for each slot of a recurring job, so that it runs once over all processes and restarts.
CREATE TABLE schedule_slots (
    schedule   TEXT COLLATE "C"   NOT NULL,
    slot       TEXT COLLATE "C"   NOT NULL,
    claimed_at BIGINT NOT NULL,
    done_at    BIGINT,
    PRIMARY KEY (schedule, slot)
);

-- When each process was last able to write; what is missing between two marks is an outage.
CREATE TABLE heartbeats (
    process TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL
);

-- Spans in which nothing could be written; a timer is told how much of its time they took.
CREATE TABLE outages (
    from_at  BIGINT NOT NULL PRIMARY KEY,
    until_at BIGINT NOT NULL,
    reason   TEXT COLLATE "C"   NOT NULL
);

-- Ends a batch statement whose trades had moved under it; the writer then locks, reloads and decides again.
CREATE FUNCTION luochui_expect(actual BIGINT, expected BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
    IF actual <> expected THEN
        RAISE EXCEPTION 'luochui: a trade moved' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN actual;
END
$$;
