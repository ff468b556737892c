//! Tables of to-dos. Must match `migrations/`; a test compares.

diesel::table! {
    todos (id) {
        id -> Text,
        trade -> Text,
        instance -> Text,
        machine -> Text,
        state -> Text,
        name -> Text,
        entry -> BigInt,
        opened_at -> BigInt,
        due_at -> Nullable<BigInt>,
        provisional -> Bool,
        claimed_by -> Nullable<Text>,
        frozen -> Bool,
        status -> Text,
        outcome -> Nullable<Text>,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
    }
}

diesel::table! {
    todo_audience (todo, audience) {
        todo -> Text,
        audience -> Text,
    }
}
