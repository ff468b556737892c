-- Renewed seals, the addresses that phones open, the mark of test certificates, and staff who sign in with a certificate.

-- A maker gives a renewed seal the number of the one before, and two makers may count alike: a seal is its maker, number and bytes.
-- A constraint of a table can only be taken away with the table.
CREATE TABLE e_seals_new (
    id           TEXT    NOT NULL PRIMARY KEY,
    -- The seal's own number (esID).
    es_id        TEXT    NOT NULL,
    owner_kind   TEXT    NOT NULL,
    owner        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    maker        TEXT    NOT NULL,
    maker_sha256 TEXT    NOT NULL,
    version      BIGINT  NOT NULL,
    picture_type TEXT    NOT NULL,
    der          TEXT    NOT NULL,
    valid_from   BIGINT  NOT NULL,
    valid_to     BIGINT  NOT NULL,
    test         BOOLEAN NOT NULL,
    imported_by  TEXT    NOT NULL,
    imported_at  BIGINT  NOT NULL,
    -- Withdrawn by its owner, or followed by a newer one of the same maker and number.
    withdrawn_at BIGINT,
    -- SHA-256 of the seal; empty for those from before this column.
    digest       TEXT    NOT NULL DEFAULT '',
    -- When the maker made it.
    made_at      BIGINT  NOT NULL DEFAULT 0
);
INSERT INTO e_seals_new
    (id, es_id, owner_kind, owner, name, maker, maker_sha256, version, picture_type, der, valid_from, valid_to, test, imported_by, imported_at, withdrawn_at)
SELECT id, es_id, owner_kind, owner, name, maker, maker_sha256, version, picture_type, der, valid_from, valid_to, test, imported_by, imported_at, withdrawn_at
FROM e_seals;
DROP TABLE e_seals;
ALTER TABLE e_seals_new RENAME TO e_seals;
CREATE INDEX e_seals_by_owner ON e_seals (owner_kind, owner);
CREATE UNIQUE INDEX e_seals_once ON e_seals (maker_sha256, es_id, digest);

-- What a phone opens to sign: its person may come back to it.
ALTER TABLE seal_jobs ADD COLUMN address TEXT;

-- Made for tests, without legal effect.
ALTER TABLE account_certificates ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE;

-- The 公民身份号码 whose certificate signs in to an account of staff, as an admin has said.
CREATE TABLE staff_numbers (
    account  TEXT   NOT NULL PRIMARY KEY,
    code     TEXT   NOT NULL UNIQUE,
    bound_by TEXT   NOT NULL,
    bound_at BIGINT NOT NULL
);
