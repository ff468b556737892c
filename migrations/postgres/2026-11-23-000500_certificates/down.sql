DROP TABLE account_certificates;
DROP TABLE login_challenges;
DROP TABLE trust_entries;
