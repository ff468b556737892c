//! What a server still lacks before it can take requests. Must not repair anything.

use super::state::AppState;
use crate::store::migrations;

/// The reasons not to be ready, as sentences for the person who runs it.
pub async fn missing(state: &AppState) -> Vec<String> {
    let mut missing = Vec::new();
    match state.engine.read(migrations::pending).await {
        Err(error) => missing.push(format!("the database cannot be read: {error}")),
        Ok(pending) if !pending.is_empty() => missing.push(format!("migrations not applied: {}", pending.join(", "))),
        Ok(_) => {}
    }
    missing
}
