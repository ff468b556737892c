-- The history entries in which an instance changed its state: what may be told of its course. Apart from the history, so that what
-- may not be told costs a reader no time.
CREATE TABLE moves (
    instance TEXT   NOT NULL,
    -- The entry's place in the history of its trade; nobody is shown it, for it would tell how much happens there.
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    -- The transitions of this instance, as they stand in the entry's public part.
    taken    TEXT   NOT NULL,
    PRIMARY KEY (instance, seq)
);

INSERT INTO moves (instance, seq, at, taken)
SELECT json_extract(t.value, '$.instance'), h.seq, h.at, json_group_array(json(t.value) ORDER BY t.key)
FROM history h, json_each(h.public, '$.transitions') t
GROUP BY h.trade, h.seq, h.at, json_extract(t.value, '$.instance')
HAVING sum(json_extract(t.value, '$.from') <> json_extract(t.value, '$.to')) > 0;
