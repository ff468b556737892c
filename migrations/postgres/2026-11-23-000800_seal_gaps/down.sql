DROP TABLE staff_numbers;
ALTER TABLE account_certificates DROP COLUMN test;
ALTER TABLE seal_jobs DROP COLUMN address;
-- Renewed seals stay, under a number that no longer has to be their own alone.
DROP INDEX e_seals_once;
ALTER TABLE e_seals DROP COLUMN made_at;
ALTER TABLE e_seals DROP COLUMN digest;
