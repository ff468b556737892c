//! Tables of capacities and what is booked of them. Must match `migrations/`; a test compares.

diesel::table! {
    capacities (name) {
        name -> Text,
        version -> BigInt,
        ceiling -> Nullable<BigInt>,
        set_by -> Nullable<Text>,
        set_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    bookings (instance) {
        instance -> Text,
        trade -> Text,
        capacity -> Text,
        from_at -> BigInt,
        until_at -> BigInt,
        shown -> Nullable<Text>,
    }
}
