-- What sessions take of capacities. Times are milliseconds since 1970 UTC.

-- One row per capacity of which something was ever booked or for which the centre has set a number.
CREATE TABLE capacities (
    name    TEXT NOT NULL PRIMARY KEY,
    -- Grows with every booking and with every new number: two processes that saw the same one cannot both book.
    version BIGINT NOT NULL,
    -- How many may be under way at once; where there is none, as the workflow says.
    ceiling BIGINT,
    set_by  TEXT,
    set_at  BIGINT
);

-- What instances have taken now; a row goes when its instance gives it back.
CREATE TABLE bookings (
    instance TEXT NOT NULL PRIMARY KEY,
    trade    TEXT NOT NULL,
    capacity TEXT NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);
-- Those that are not over at a moment: by every new booking, and by the calendar of sessions.
CREATE INDEX bookings_by_end ON bookings (capacity, until_at);
