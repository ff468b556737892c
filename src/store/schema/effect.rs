//! Tables of effects: outbox, ledger, incidents, streams and records. Must match `migrations/`; a test compares.

diesel::table! {
    outbox (id) {
        id -> Text,
        trade -> Text,
        instance -> Text,
        kind -> Text,
        payload -> Text,
        created_at -> BigInt,
        available_at -> BigInt,
        attempts -> BigInt,
        lease_until -> Nullable<BigInt>,
        lease_owner -> Nullable<Text>,
        done_at -> Nullable<BigInt>,
        failed_at -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    ledger_postings (trade, seq, line) {
        trade -> Text,
        seq -> BigInt,
        line -> BigInt,
        instance -> Text,
        movement -> Text,
        account -> Text,
        amount -> BigInt,
        reference -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    incidents (id) {
        id -> Text,
        trade -> Nullable<Text>,
        instance -> Nullable<Text>,
        kind -> Text,
        place -> Text,
        text -> Text,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
    }
}

diesel::table! {
    published (instance, number) {
        instance -> Text,
        number -> BigInt,
        trade -> Text,
        at -> BigInt,
        data -> Text,
    }
}

diesel::table! {
    records (instance, number) {
        instance -> Text,
        number -> BigInt,
        trade -> Text,
        kind -> Text,
        at -> BigInt,
        data -> Text,
    }
}
