-- What processes that share a database tell each other: nothing stamped before `drained` is on its way in the process any
-- more; one with `left_at` ended in order, with nothing in hand.
ALTER TABLE heartbeats ADD COLUMN drained BIGINT NOT NULL DEFAULT 0;
ALTER TABLE heartbeats ADD COLUMN left_at BIGINT;

-- `path`: nothing could be decided. `process`: besides, a process ended with whatever it had in hand.
ALTER TABLE outages ADD COLUMN reach TEXT COLLATE "C" NOT NULL DEFAULT 'path';
