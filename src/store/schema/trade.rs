//! Tables of trades: instances, listed fields, timers and history. Must match `migrations/`; a test compares.

diesel::table! {
    trades (id) {
        id -> Text,
        bundle -> Text,
        bundle_version -> Text,
        bundle_sha256 -> Text,
        seq -> BigInt,
        head -> Text,
        now -> BigInt,
        opened_at -> BigInt,
        done -> Bool,
    }
}

diesel::table! {
    instances (id) {
        id -> Text,
        trade -> Text,
        machine -> Text,
        parent -> Nullable<Text>,
        owner -> Nullable<Text>,
        key -> Nullable<Text>,
        states -> Text,
        tags -> Text,
        done -> Bool,
        opened_at -> BigInt,
        changed_at -> BigInt,
        published -> BigInt,
        recorded -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    instance_fields (instance, field) {
        instance -> Text,
        field -> Text,
        trade -> Text,
        machine -> Text,
        value -> Text,
        text -> Nullable<Text>,
        number -> Nullable<BigInt>,
    }
}

diesel::table! {
    timers (instance, name) {
        instance -> Text,
        name -> Text,
        trade -> Text,
        generation -> BigInt,
        due_at -> BigInt,
        live -> Bool,
        provisional -> Bool,
    }
}

diesel::table! {
    history (trade, seq) {
        trade -> Text,
        seq -> BigInt,
        instance -> Text,
        event -> Text,
        at -> BigInt,
        public -> Text,
        public_salt -> Text,
        private -> Nullable<Text>,
        private_salt -> Nullable<Text>,
        private_commitment -> Text,
        prev -> Text,
        hash -> Text,
    }
}

diesel::table! {
    moves (instance, seq) {
        instance -> Text,
        seq -> BigInt,
        at -> BigInt,
        taken -> Text,
    }
}
