-- The history entries in which an instance changed its state: what may be told of its course. Apart from the history, so that what
-- may not be told costs a reader no time.
CREATE TABLE moves (
    instance TEXT COLLATE "C" NOT NULL,
    -- The entry's place in the history of its trade; nobody is shown it, for it would tell how much happens there.
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    -- The transitions of this instance, as they stand in the entry's public part.
    taken    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (instance, seq)
);

INSERT INTO moves (instance, seq, at, taken)
SELECT t.value->>'instance', h.seq, h.at, json_agg(t.value ORDER BY t.place)::TEXT
FROM history h, json_array_elements(h.public::JSON->'transitions') WITH ORDINALITY AS t(value, place)
GROUP BY h.trade, h.seq, h.at, t.value->>'instance'
HAVING bool_or(t.value->>'from' <> t.value->>'to');
