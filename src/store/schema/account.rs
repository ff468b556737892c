//! Tables of accounts, sessions, uploads and drafts. Must match `migrations/`; a test compares.

diesel::table! {
    organisations (code) {
        code -> Text,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    parties (id) {
        id -> Text,
        kind -> Text,
        code -> Text,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        name -> Text,
        display_name -> Text,
        email -> Text,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
        password_hash -> Text,
        standing -> Text,
        party -> Nullable<Text>,
        member -> Bool,
        session_version -> BigInt,
        failures -> BigInt,
        locked_until -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    account_posts (account, post, organisation) {
        account -> Text,
        post -> Text,
        organisation -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        account -> Text,
        version -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (sha256) {
        sha256 -> Text,
        session -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    files (id) {
        id -> Text,
        sha256 -> Text,
        name -> Text,
        media_type -> Text,
        bytes -> BigInt,
        uploader -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    drafts (account, todo) {
        account -> Text,
        todo -> Text,
        version -> BigInt,
        body -> Text,
        changed_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    account_posts,
    organisations,
    parties,
    sessions,
    refresh_tokens,
);
