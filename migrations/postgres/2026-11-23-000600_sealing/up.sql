-- Electronic seals, sealing jobs, and the seals on documents. Times are milliseconds since 1970 UTC; DER is base64.

-- Seals (SESeal) whose maker's signature was verified when they were brought in.
CREATE TABLE e_seals (
    id           TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    -- The seal's own number (esID): one seal, one row.
    es_id        TEXT COLLATE "C"    NOT NULL UNIQUE,
    -- 'person' or 'organisation', with 公民身份号码 or 统一社会信用代码.
    owner_kind   TEXT COLLATE "C"    NOT NULL,
    owner        TEXT COLLATE "C"    NOT NULL,
    name         TEXT COLLATE "C"    NOT NULL,
    maker        TEXT COLLATE "C"    NOT NULL,
    maker_sha256 TEXT COLLATE "C"    NOT NULL,
    version      BIGINT  NOT NULL,
    picture_type TEXT COLLATE "C"    NOT NULL,
    der          TEXT COLLATE "C"    NOT NULL,
    valid_from   BIGINT  NOT NULL,
    valid_to     BIGINT  NOT NULL,
    -- Made for tests, without legal effect.
    test         BOOLEAN NOT NULL,
    imported_by  TEXT COLLATE "C"    NOT NULL,
    imported_at  BIGINT  NOT NULL,
    withdrawn_at BIGINT
);
-- The seals of one's own organisation or person.
CREATE INDEX e_seals_by_owner ON e_seals (owner_kind, owner);

-- One attempt to seal one document for one to-do. States: created, awaiting_signature, signed, verified, failed, expired.
CREATE TABLE seal_jobs (
    id              TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    state           TEXT COLLATE "C"   NOT NULL,
    account         TEXT COLLATE "C"   NOT NULL,
    trade           TEXT COLLATE "C"   NOT NULL,
    instance        TEXT COLLATE "C"   NOT NULL,
    todo            TEXT COLLATE "C"   NOT NULL,
    -- The rendering (documents.id) and its name in the workflow.
    document        TEXT COLLATE "C"   NOT NULL,
    document_name   TEXT COLLATE "C"   NOT NULL,
    seal            TEXT COLLATE "C"   NOT NULL,
    provider        TEXT COLLATE "C"   NOT NULL,
    -- The provider's own number for it.
    reference       TEXT,
    -- Files in the file store: what is sealed, what waits for its signature, what was made of it.
    base_sha256     TEXT COLLATE "C"   NOT NULL,
    prepared_sha256 TEXT COLLATE "C"   NOT NULL,
    sealed_sha256   TEXT,
    -- What the holder signs (TBS_Sign).
    to_sign         TEXT COLLATE "C"   NOT NULL,
    certificate     TEXT,
    signature       TEXT,
    -- Why it failed: a stable code.
    fault           TEXT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    changed_at      BIGINT NOT NULL
);
-- A second click finds the job of the first.
CREATE INDEX seal_jobs_by_todo ON seal_jobs (todo, account);
-- Those to finish or to end.
CREATE INDEX seal_jobs_by_state ON seal_jobs (state, expires_at);

-- The seals on documents: one row per job whose signature was verified, with what anyone needs to verify it again later.
CREATE TABLE seal_signatures (
    job                TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    document           TEXT COLLATE "C"   NOT NULL,
    base_sha256        TEXT COLLATE "C"   NOT NULL,
    sha256             TEXT COLLATE "C"   NOT NULL,
    sm3                TEXT COLLATE "C"   NOT NULL,
    bytes              BIGINT NOT NULL,
    es_id              TEXT COLLATE "C"   NOT NULL,
    subject_kind       TEXT COLLATE "C"   NOT NULL,
    subject            TEXT COLLATE "C"   NOT NULL,
    subject_name       TEXT COLLATE "C"   NOT NULL,
    certificate_sha256 TEXT COLLATE "C"   NOT NULL,
    certificate        TEXT COLLATE "C"   NOT NULL,
    -- SES_Signature.
    signature          TEXT COLLATE "C"   NOT NULL,
    -- 'tsa' or 'platform'.
    time_source        TEXT COLLATE "C"   NOT NULL,
    -- The steps of the verification, and the revocation lists it rests on; JSON.
    report             TEXT COLLATE "C"   NOT NULL,
    evidence           TEXT COLLATE "C"   NOT NULL,
    signed_at          BIGINT NOT NULL,
    verified_at        BIGINT NOT NULL
);
CREATE INDEX seal_signatures_by_document ON seal_signatures (document, verified_at);

-- What is known of a rendering's layout: where each role seals (JSON), and the digest that its QR code names.
CREATE TABLE document_imprints (
    document    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    content_sm3 TEXT COLLATE "C" NOT NULL,
    places      TEXT COLLATE "C" NOT NULL
);
