-- What everybody may know of a booked session (JSON), worked out when its trade moves; none while that is nothing. So the calendar
-- needs no trade, and sessions that are not announced cost it no time.
ALTER TABLE bookings ADD COLUMN shown TEXT;
-- Not worked out yet: the engine does so when it starts.
UPDATE bookings SET shown = '';
-- The calendar of sessions.
CREATE INDEX bookings_announced ON bookings (until_at) WHERE shown IS NOT NULL;
