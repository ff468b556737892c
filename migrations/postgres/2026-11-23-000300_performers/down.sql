DROP TABLE mail_tokens;
DROP TABLE mail_log;
DROP TABLE document_numbers;
DROP TABLE documents;
