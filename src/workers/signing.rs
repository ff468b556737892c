//! Has checkpoints signed and keeps them. Must not decide when one is due, and must not sign within a transaction: a signing
//! server may take its time.

use crate::engine::{Engine, EngineError, checkpoint_of, row_of};
use crate::machine::{Name, Time};
use crate::record::{Checkpoint, Head, PlatformSigner, Reach, SignerError};
use crate::store::record_rows::{checkpoint_keep, checkpoint_latest};

/// Signs off the runtime's threads.
///
/// # Errors
/// `Signing` where nobody signs, or the signer fails.
pub async fn sign<T: Send + 'static>(
    engine: &Engine,
    sign: impl FnOnce(&dyn PlatformSigner) -> Result<T, SignerError> + Send + 'static,
) -> Result<T, EngineError> {
    let signer = engine.signer().cloned();
    let signer = signer.ok_or_else(|| EngineError::Signing("there is no key to sign with".into()))?;
    let signed = tokio::task::spawn_blocking(move || sign(&*signer)).await;
    let signed = signed.map_err(|error| EngineError::Panicked(error.to_string()))?;
    signed.map_err(|error| EngineError::Signing(error.to_string()))
}

/// Signs where a record stands, and keeps the checkpoint; `None` where another process was first with its slot. Either way this
/// process learns of the newest.
///
/// # Errors
/// As `sign`, and a failing store.
pub async fn sign_head(
    engine: &Engine,
    instance: &Name,
    head: Head,
    (at, reach): (Time, Reach),
) -> Result<Option<Checkpoint>, EngineError> {
    let id = instance.clone();
    let checkpoint = sign(engine, move |signer| Checkpoint::sign(signer, &id, &head, (at, reach))).await?;
    let row = row_of(&checkpoint);
    let keeping = engine.write("keep a checkpoint", move |conn| {
        let kept = checkpoint_keep(conn, &row)?;
        Ok((kept, checkpoint_latest(conn, &row.instance)?))
    });
    let (kept, latest) = keeping.await?;
    latest.iter().for_each(|latest| engine.learn(checkpoint_of(latest)));
    Ok(kept.then_some(checkpoint))
}
