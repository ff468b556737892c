DROP INDEX seal_signatures_by_file;
