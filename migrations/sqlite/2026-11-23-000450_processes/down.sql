ALTER TABLE outages DROP COLUMN reach;
ALTER TABLE heartbeats DROP COLUMN left_at;
ALTER TABLE heartbeats DROP COLUMN drained;
