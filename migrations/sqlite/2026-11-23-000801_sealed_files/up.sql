-- A file that is verified is looked for by its digest.
CREATE INDEX seal_signatures_by_file ON seal_signatures (sha256);
