//! Tables of records. Must match `migrations/`; a test compares.

diesel::table! {
    record_lines (instance, number) {
        instance -> Text,
        number -> BigInt,
        trade -> Text,
        seq -> BigInt,
        line -> Text,
    }
}

diesel::table! {
    record_checkpoints (instance, slot) {
        instance -> Text,
        slot -> Text,
        size -> BigInt,
        sm3 -> Text,
        sha256 -> Text,
        at -> BigInt,
        key -> Text,
        signature -> Text,
    }
}
