//! Signs where records stand: every minute while they grow, and once over the whole where a commit could not. Must not sign what
//! has not grown.

use std::time::Duration;

use tokio::sync::watch;

use super::signing::sign_head;
use super::telling::{Followed, tell};
use crate::engine::{Engine, EngineError, checkpoint_of, record_end};
use crate::machine::{Name, Time};
use crate::record::{Checkpoint, Head, Reach, Row};
use crate::store::Connection;
use crate::store::StoreError;
use crate::store::record_rows::{LineRow, checkpoint_latest, records_open};

/// How often records are looked at.
const PACE: Duration = Duration::from_secs(60);
/// A clock that runs ahead of the real one passes minutes in seconds.
const FAST_PACE: Duration = Duration::from_secs(1);

/// Works until told to stop; mails checkpoints every so many minutes.
pub async fn run(engine: Engine, mail_minutes: u32, mut stop: watch::Receiver<bool>) {
    let pace = if engine.clock().is_virtual() { FAST_PACE } else { PACE };
    let mut followed = Followed::default();
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(pace) => {
                if let Err(error) = tick(&engine, engine.now()).await {
                    tracing::warn!(%error, "records were not signed");
                }
                if let Err(error) = tell(&engine, engine.now(), mail_minutes, &mut followed).await {
                    tracing::warn!(%error, "checkpoints were not mailed");
                }
            }
        }
    }
}

/// A record that is still open: its last line, and the checkpoint that covers most.
struct Open {
    instance: Name,
    last: LineRow,
    latest: Option<Checkpoint>,
}

/// Signs every record that has grown since its last checkpoint; how many this process signed. Of processes that do so at once,
/// one succeeds, and the others learn of its checkpoint.
///
/// # Errors
/// A failing store; what was signed before stays signed.
pub async fn tick(engine: &Engine, now: Time) -> Result<usize, EngineError> {
    if engine.signer().is_none() {
        return Ok(0);
    }
    let mut signed = 0;
    for open in engine.read(open).await? {
        let Some((size, reach)) = due(&open) else {
            open.latest.into_iter().for_each(|latest| engine.learn(latest));
            continue;
        };
        let head = Head::at(size, &open.last.line);
        match sign_head(engine, &open.instance, head, (now, reach)).await {
            Ok(kept) => signed += usize::from(kept.is_some()),
            Err(EngineError::Signing(error)) => {
                tracing::warn!(instance.id = %open.instance, %error, "a record was not signed");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(signed)
}

fn open(conn: &mut Connection) -> Result<Vec<Open>, StoreError> {
    let mut found = Vec::new();
    for instance in records_open(conn)? {
        if let Some(last) = record_end(conn, &instance)? {
            found.push(Open {
                latest: checkpoint_latest(conn, &instance)?.as_ref().map(checkpoint_of),
                instance: instance.into(),
                last,
            });
        }
    }
    Ok(found)
}

/// What is to be signed, if anything.
fn due(open: &Open) -> Option<(u64, Reach)> {
    let size = u64::try_from(open.last.number).ok()?;
    if Row::parse(&open.last.line).is_ok_and(|row| row.done) {
        return Some((size, Reach::Whole));
    }
    let grown = open.latest.as_ref().is_none_or(|latest| latest.size < size);
    grown.then_some((size, Reach::SoFar))
}
