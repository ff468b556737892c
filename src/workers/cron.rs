//! Nudges the sweeps at a steady pace. Must not decide what is due: `sweeps` asks our clock, and keeps the ledger.
//!
//! The scheduler reads the wall clock itself, fires early and may skip under load; a nudge too many or too few changes nothing.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::sweeps::tick;
use crate::engine::Engine;

/// Twice a minute; the finest thing a sweep looks for is a reminder.
const PACE: &str = "*/30 * * * * *";
/// A clock that runs ahead of the real one passes days in seconds.
const FAST_PACE: &str = "* * * * * *";

/// Sweeps until told to stop.
///
/// # Errors
/// The scheduler cannot be started.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) -> Result<(), JobSchedulerError> {
    let pace = if engine.clock().is_virtual() { FAST_PACE } else { PACE };
    let nudge = Arc::new(Notify::new());
    let mut scheduler = JobScheduler::new().await?;
    let own = Arc::clone(&nudge);
    let job = Job::new_async(pace, move |_, _| {
        let nudge = Arc::clone(&own);
        Box::pin(async move { nudge.notify_one() })
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            () = nudge.notified() => {
                if let Err(error) = tick(&engine, engine.now()).await {
                    tracing::warn!(%error, "a sweep failed");
                }
            }
        }
    }
    scheduler.shutdown().await
}
