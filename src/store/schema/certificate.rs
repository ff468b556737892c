//! Tables of trusted authorities, challenges and accounts' certificates. Must match `migrations/`; a test compares.

diesel::table! {
    trust_entries (id) {
        id -> Text,
        kind -> Text,
        sha256 -> Text,
        title -> Text,
        content -> Text,
        added_by -> Text,
        added_at -> BigInt,
        removed_by -> Nullable<Text>,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    login_challenges (id) {
        id -> Text,
        purpose -> Text,
        origin -> Text,
        text -> Text,
        secret_sha256 -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        account -> Nullable<Text>,
        collected_at -> Nullable<BigInt>,
        certificate -> Nullable<Text>,
        signature -> Nullable<Text>,
    }
}

diesel::table! {
    account_certificates (account, sha256) {
        account -> Text,
        sha256 -> Text,
        authority -> Text,
        serial -> Text,
        not_after -> BigInt,
        first_used_at -> BigInt,
        last_used_at -> BigInt,
        test -> Bool,
    }
}

diesel::table! {
    staff_numbers (account) {
        account -> Text,
        code -> Text,
        bound_by -> Text,
        bound_at -> BigInt,
    }
}
