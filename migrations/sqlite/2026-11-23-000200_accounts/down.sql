DROP TABLE drafts;
DROP TABLE files;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE account_posts;
DROP TABLE accounts;
DROP TABLE parties;
DROP TABLE organisations;
