//! What a server still lacks before it can take requests. Must not repair anything.

use super::state::AppState;
use crate::performers::typeset::Typesetter;
use crate::store::{migrations, outbox_rows};

/// An effect that has waited this long, in milliseconds, is not merely queued: nobody performs it.
const OUTBOX_LATE: i64 = 600_000;

/// The reasons not to be ready, as sentences for the person who runs it.
pub async fn missing(state: &AppState) -> Vec<String> {
    let mut missing = Vec::new();
    match state.engine.read(migrations::pending).await {
        Err(error) => missing.push(format!("the database cannot be read: {error}")),
        Ok(pending) if !pending.is_empty() => missing.push(format!("migrations not applied: {}", pending.join(", "))),
        Ok(_) => missing.extend(late_outbox(state).await),
    }
    if state.engine.library().published().is_empty() {
        missing.push("no workflow is published".to_owned());
    }
    let typesetter = Typesetter::new(state.config.paths.fonts.iter().cloned());
    let able = state.blocking(move || Ok(typesetter.ready().map_err(|error| error.to_string())));
    if let Ok(Err(error)) = able.await {
        missing.push(format!("documents cannot be rendered: {error}"));
    }
    missing
}

async fn late_outbox(state: &AppState) -> Option<String> {
    // A demo's clock runs ahead of the workers, who work in real time.
    if state.engine.clock().is_virtual() {
        return None;
    }
    let (count, oldest) = state.engine.read(outbox_rows::outbox_waiting).await.ok()?;
    let age = state.now().millis_since(oldest?);
    (age > OUTBOX_LATE).then(|| format!("{count} effects wait, the oldest for {} s", age / 1_000))
}
