-- Renewed seals, the addresses that phones open, the mark of test certificates, and staff who sign in with a certificate.

-- A maker gives a renewed seal the number of the one before, and two makers may count alike: a seal is its maker, number and bytes.
ALTER TABLE e_seals DROP CONSTRAINT e_seals_es_id_key;
-- SHA-256 of the seal; empty for those from before this column.
ALTER TABLE e_seals ADD COLUMN digest TEXT COLLATE "C" NOT NULL DEFAULT '';
-- When the maker made it.
ALTER TABLE e_seals ADD COLUMN made_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX e_seals_once ON e_seals (maker_sha256, es_id, digest);

-- What a phone opens to sign: its person may come back to it.
ALTER TABLE seal_jobs ADD COLUMN address TEXT COLLATE "C";

-- Made for tests, without legal effect.
ALTER TABLE account_certificates ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE;

-- The 公民身份号码 whose certificate signs in to an account of staff, as an admin has said.
CREATE TABLE staff_numbers (
    account  TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    code     TEXT COLLATE "C"   NOT NULL UNIQUE,
    bound_by TEXT COLLATE "C"   NOT NULL,
    bound_at BIGINT NOT NULL
);
