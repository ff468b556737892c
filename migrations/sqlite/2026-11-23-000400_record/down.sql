DROP TABLE record_checkpoints;
DROP TABLE record_lines;
