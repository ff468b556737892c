DROP INDEX bookings_announced;
ALTER TABLE bookings DROP COLUMN shown;
