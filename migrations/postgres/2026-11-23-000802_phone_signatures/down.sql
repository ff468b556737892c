ALTER TABLE login_challenges DROP COLUMN signature;
ALTER TABLE login_challenges DROP COLUMN certificate;
