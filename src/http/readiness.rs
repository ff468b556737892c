//! What a server still lacks before it can take requests. Must not repair anything.

use std::path::Path;

use super::state::AppState;
use crate::store::{migrations, outbox_rows};

/// An effect that has waited this long, in milliseconds, is not merely queued: nobody performs it.
const OUTBOX_LATE: i64 = 600_000;
/// Fonts lie a few folders deep at most.
const FOLDERS_DEEP: usize = 6;

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
    let fonts = state.config.paths.fonts.clone();
    let found = state
        .blocking(move || Ok(fonts.iter().any(|folder| holds_font(folder, FOLDERS_DEEP))))
        .await;
    if !matches!(found, Ok(true)) {
        missing.push("no font is found in paths.fonts: documents cannot be rendered".to_owned());
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

fn holds_font(folder: &Path, deep: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        let kind = path
            .extension()
            .and_then(|kind| kind.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        matches!(kind.as_str(), "ttf" | "otf" | "ttc") || (deep > 0 && path.is_dir() && holds_font(&path, deep - 1))
    })
}
