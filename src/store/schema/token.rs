//! The table of links in mails. Must match `migrations/`; a test compares.

diesel::table! {
    mail_tokens (token_sha256) {
        token_sha256 -> Text,
        account -> Text,
        instance -> Text,
        todo -> Text,
        act -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}
