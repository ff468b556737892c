-- Rendered documents. One row per rendering; the content lies in the file store under its sha256.
-- A row is written with its number before rendering, so that a retry prints the same number; sha256 is null until then.
CREATE TABLE documents (
    id TEXT NOT NULL PRIMARY KEY,
    trade TEXT NOT NULL,
    instance TEXT NOT NULL,
    machine TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    revision BIGINT NOT NULL,
    number TEXT,
    sha256 TEXT,
    bytes BIGINT,
    created_at BIGINT NOT NULL,
    ready_at BIGINT,
    UNIQUE (instance, name, revision)
);
CREATE INDEX documents_trade ON documents (trade, created_at);

-- The last number given in each series; a series is the pattern with its year filled in.
CREATE TABLE document_numbers (
    series TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- One row per mail and recipient: a retried effect sends only to those who have none yet.
CREATE TABLE mail_log (
    id TEXT NOT NULL PRIMARY KEY,
    outbox_id TEXT NOT NULL,
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    mail TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    instance TEXT,
    todo TEXT,
    at BIGINT NOT NULL,
    error TEXT,
    UNIQUE (outbox_id, account)
);
CREATE INDEX mail_log_at ON mail_log (at);

-- Links in mails that act once, for one account, on one to-do. Only the digest of a token is kept.
CREATE TABLE mail_tokens (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    instance TEXT NOT NULL,
    todo TEXT NOT NULL,
    act TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mail_tokens_expiry ON mail_tokens (expires_at);
