-- Accounts, organisations, parties, sessions, uploads and drafts. Times are milliseconds since 1970 UTC.

CREATE TABLE organisations (
    -- 统一社会信用代码 (GB 32100-2015); the trading centre's own row is `centre`.
    code       TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO organisations (code, name, created_at) VALUES ('centre', '交易中心', 0);

-- Who takes part in trades: a person or an organisation, once each, whoever acts for it.
CREATE TABLE parties (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- 'person' or 'organisation'
    kind       TEXT   NOT NULL,
    -- 公民身份号码 (GB 11643-1999) or 统一社会信用代码
    code       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, code)
);

CREATE TABLE accounts (
    id              TEXT    NOT NULL PRIMARY KEY,
    -- Sign-in name, in lower case.
    name            TEXT    NOT NULL UNIQUE,
    display_name    TEXT    NOT NULL,
    email           TEXT    NOT NULL,
    phone           TEXT,
    address         TEXT,
    password_hash   TEXT    NOT NULL,
    -- 'ordinary', 'admin' (runs the platform, never acts in a trade) or 'oversight' (reads everything, writes nothing)
    standing        TEXT    NOT NULL,
    -- Unique: one account acts for a party.
    party           TEXT    UNIQUE,
    -- The profile is complete and checked.
    member          BOOLEAN NOT NULL,
    -- Raised to end all sessions at once.
    session_version BIGINT  NOT NULL,
    -- Failed sign-ins since the last good one.
    failures        BIGINT  NOT NULL,
    locked_until    BIGINT,
    disabled_at     BIGINT,
    created_at      BIGINT  NOT NULL,
    -- Raised at each edit; what If-Match is compared with.
    version         BIGINT  NOT NULL
);

CREATE TABLE account_posts (
    account      TEXT NOT NULL,
    post         TEXT NOT NULL,
    organisation TEXT NOT NULL,
    PRIMARY KEY (account, post, organisation)
);
-- Mails: who holds a post at an organisation.
CREATE INDEX account_posts_by_post ON account_posts (post, organisation);

-- One sign-in with all its refreshed tokens.
CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY,
    account    TEXT   NOT NULL,
    -- The account's session version when it began; a later one ends it.
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
-- Retention: sessions that are over.
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Only digests of refresh tokens are kept. A used one that comes back ends its session: somebody copied it.
CREATE TABLE refresh_tokens (
    sha256     TEXT   NOT NULL PRIMARY KEY,
    session    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
-- Retention: tokens of a session that is over.
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session);

-- Uploads. The content lies in the file store under its digest and is written before the row.
CREATE TABLE files (
    id         TEXT   NOT NULL PRIMARY KEY,
    sha256     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    -- By content, not by what the client said.
    media_type TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    uploader   TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
-- Quota of an account.
CREATE INDEX files_by_uploader ON files (uploader, created_at);

-- What somebody has filled in of a to-do's form so far; outside the machine until it is sent.
CREATE TABLE drafts (
    account    TEXT   NOT NULL,
    todo       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account, todo)
);
-- Retention: drafts nobody touched for long.
CREATE INDEX drafts_by_age ON drafts (changed_at);
