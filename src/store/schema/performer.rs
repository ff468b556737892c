//! Tables of rendered documents, their numbers and sent mails. Must match `migrations/`; a test compares.

diesel::table! {
    documents (id) {
        id -> Text,
        trade -> Text,
        instance -> Text,
        machine -> Text,
        name -> Text,
        title -> Text,
        revision -> BigInt,
        number -> Nullable<Text>,
        sha256 -> Nullable<Text>,
        bytes -> Nullable<BigInt>,
        created_at -> BigInt,
        ready_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    document_numbers (series) {
        series -> Text,
        last -> BigInt,
    }
}

diesel::table! {
    mail_log (id) {
        id -> Text,
        outbox_id -> Text,
        account -> Text,
        address -> Text,
        mail -> Text,
        subject -> Text,
        message_id -> Text,
        instance -> Nullable<Text>,
        todo -> Nullable<Text>,
        at -> BigInt,
        error -> Nullable<Text>,
    }
}
