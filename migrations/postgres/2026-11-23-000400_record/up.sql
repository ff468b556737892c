-- The record of an instance, line by line as it is hashed. Number 0 says what it is the record of.
CREATE TABLE record_lines (
    instance TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    trade    TEXT   NOT NULL,
    -- The history entry it tells of; not in the line, for it would tell how much happens in the trade.
    seq      BIGINT NOT NULL,
    line     TEXT   NOT NULL,
    PRIMARY KEY (instance, number)
);
-- The checkpoint loop: all records, to see which are still open.
CREATE INDEX record_lines_first ON record_lines (instance) WHERE number = 0;

-- Where a record stood, signed by the platform. At most one for each minute, and one for the whole.
CREATE TABLE record_checkpoints (
    instance  TEXT   NOT NULL,
    -- The minute since 1970, or 'whole'.
    slot      TEXT   NOT NULL,
    size      BIGINT NOT NULL,
    sm3       TEXT   NOT NULL,
    sha256    TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    key       TEXT   NOT NULL,
    signature TEXT   NOT NULL,
    PRIMARY KEY (instance, slot)
);
