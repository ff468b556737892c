//! The YAML as admins write it, as serde types. Every key of the language stands here, and the JSON Schema comes from the same types.
//! Must not decide what a definition means: `compile` does.

pub mod action;
pub mod bundle;
pub mod machine;
pub mod shapes;
pub mod state;

/// Codes that source types may put before a message as `[code] `.
pub const CODES: [&str; 1] = ["key_not_text"];
