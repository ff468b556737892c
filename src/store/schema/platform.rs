//! Tables of the platform itself: keys, definitions, calendars, slots, outages. Must match `migrations/`; a test compares.

diesel::table! {
    idempotency_keys (actor, key) {
        actor -> Text,
        key -> Text,
        body_sha256 -> Text,
        receipt -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    definitions (name, version) {
        name -> Text,
        version -> Text,
        sha256 -> Text,
        title -> Text,
        files -> Text,
        published_at -> BigInt,
        published_by -> Text,
    }
}

diesel::table! {
    calendars (name, version) {
        name -> Text,
        version -> BigInt,
        body -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

diesel::table! {
    schedule_slots (schedule, slot) {
        schedule -> Text,
        slot -> Text,
        claimed_at -> BigInt,
        done_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    heartbeats (process) {
        process -> Text,
        at -> BigInt,
        drained -> BigInt,
        left_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    outages (from_at) {
        from_at -> BigInt,
        until_at -> BigInt,
        reason -> Text,
        reach -> Text,
    }
}
