DROP TABLE document_imprints;
DROP TABLE seal_signatures;
DROP TABLE seal_jobs;
DROP TABLE e_seals;
