//! Opens the trade that another one asked for. Must not know what it is about.

use sha2::{Digest, Sha256};

use super::{PerformError, Work, answer};
use crate::engine::{Engine, Request};
use crate::machine::value::Map;

/// Opens a trade of the same bundle, in its newest version, once per outbox row.
///
/// # Errors
/// A bundle that is not published any more, or a failing engine.
pub async fn open(engine: &Engine, work: &Work, data: Map) -> Result<(), PerformError> {
    let bundle = work.snapshot["bundle"]["name"].as_str().unwrap_or_default();
    let digest = hex::encode(Sha256::digest(
        serde_json::to_vec(&data).map_err(PerformError::lasting)?,
    ));
    let request = Request::Open {
        bundle: bundle.into(),
        machine: None,
        data,
    };
    answer::submit(engine, work, request, &digest).await
}
