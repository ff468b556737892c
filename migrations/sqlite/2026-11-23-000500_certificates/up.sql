-- Authorities, revocation lists and profiles that an admin added, challenges, and the certificates of accounts.
-- Times are milliseconds since 1970 UTC.

-- What stands beside the folder of the configuration. Taken out is marked, not deleted: old seals were verified with it.
CREATE TABLE trust_entries (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- 'authority' (PEM), 'list' (a revocation list, base64) or 'profile' (JSON)
    kind       TEXT   NOT NULL,
    -- SHA-256 of the content: the same thing is added once.
    sha256     TEXT   NOT NULL UNIQUE,
    title      TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    -- The account, or 'fetch' for a list that was fetched.
    added_by   TEXT   NOT NULL,
    added_at   BIGINT NOT NULL,
    removed_by TEXT,
    removed_at BIGINT
);
-- What counts now.
CREATE INDEX trust_entries_by_removal ON trust_entries (removed_at, kind);

-- Texts that a holder signs to sign in or to test a key; each is used once.
CREATE TABLE login_challenges (
    id            TEXT   NOT NULL PRIMARY KEY,
    purpose       TEXT   NOT NULL,
    origin        TEXT   NOT NULL,
    text          TEXT   NOT NULL,
    -- Of the secret with which the browser collects what a phone has answered.
    secret_sha256 TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    used_at       BIGINT,
    -- The account that a phone's answer belongs to, until it is collected.
    account       TEXT,
    collected_at  BIGINT
);
-- Retention: challenges that are over.
CREATE INDEX login_challenges_by_end ON login_challenges (expires_at);

-- The certificates that an account has signed in with. What binds is the party's number, never one of these.
CREATE TABLE account_certificates (
    account       TEXT   NOT NULL,
    sha256        TEXT   NOT NULL,
    authority     TEXT   NOT NULL,
    serial        TEXT   NOT NULL,
    not_after     BIGINT NOT NULL,
    first_used_at BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    PRIMARY KEY (account, sha256)
);
