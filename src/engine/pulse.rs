//! Once a second: marks that writing works, follows the database's clock, and notices what other processes published.
//! Must not own a deadline.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::common::Common;
use super::outages::Outages;
use super::{Engine, EngineError};
use crate::store::calendar_rows::calendars_newest;
use crate::store::outage_rows::{Outage, heartbeat_last, heartbeat_set, outage_record, outages_since};
use crate::store::outbox_rows::outbox_waiting;
use crate::store::{Backend, Connection, StoreError, dialect};

/// The label of the heartbeat's write, which changes nothing that anybody keeps.
pub(super) const HEARTBEAT: &str = "heartbeat";

const BEAT: Duration = Duration::from_secs(1);

/// A gap between heartbeats that is no outage yet: a beat may be late by its own length.
const TOLERATED_MILLIS: i64 = 2_000;

/// Runs until the engine stops.
pub(super) async fn run(engine: Engine) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = engine.inner.stopped() => return,
        }
        match beat(&engine).await {
            Err(EngineError::Stopping) => return,
            Err(error) => tracing::warn!(%error, "the heartbeat failed"),
            Ok(()) => {}
        }
    }
}

async fn beat(engine: &Engine) -> Result<(), EngineError> {
    let common = Arc::clone(&engine.inner.common);
    // A virtual clock's time says nothing about real outages.
    if !common.clock.is_virtual() {
        let now = common.now();
        let process = format!("{}", std::process::id());
        engine
            .write(HEARTBEAT, move |conn| heartbeat_set(conn, &process, now))
            .await?;
    }
    let shared = engine.inner.backend == Backend::Postgres;
    let now = common.now();
    let (waiting, oldest) = engine
        .read(move |conn| {
            if shared {
                follow(&common, conn)?;
            }
            outbox_waiting(conn)
        })
        .await?;
    let age = oldest.map_or(0, |oldest| now.millis_since(oldest).max(0));
    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
    metrics::gauge!("luochui_outbox_waiting").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
    metrics::gauge!("luochui_outbox_age_seconds").set(age.as_secs_f64());
    Ok(())
}

/// What may have changed through another process.
fn follow(common: &Common, conn: &mut Connection) -> Result<(), StoreError> {
    if !common.clock.is_virtual() {
        let asked = Instant::now();
        let before = common.clock.now();
        if let Some(time) = dialect::database_time(conn)? {
            // The answer is as old as half the way there and back.
            let half = i64::try_from(asked.elapsed().as_millis() / 2).unwrap_or(0);
            common
                .ahead
                .store(time.millis_since(before.plus_millis(half)), Ordering::Relaxed);
        }
    }
    common.library.refresh(conn)?;
    let calendars = calendars_newest(conn)?;
    let mut known = common.calendars.write().unwrap_or_else(PoisonError::into_inner);
    let versions = |calendars: &crate::machine::calendar::Calendars| {
        calendars
            .0
            .values()
            .map(|calendar| u64::from(calendar.version))
            .sum::<u64>()
    };
    // Never back: a reader may see less than this process has just imported.
    if versions(&calendars) > versions(&known) {
        *known = Arc::new(calendars);
    }
    Ok(())
}

/// Counts the time since the last heartbeat of any process as an outage.
pub(super) fn outage_before_start(common: &Common, conn: &mut Connection) -> Result<(), StoreError> {
    if common.clock.is_virtual() {
        return Ok(());
    }
    let now = common.now();
    if let Some(last) = heartbeat_last(conn)?
        && now.millis_since(last) > TOLERATED_MILLIS
    {
        let outage = Outage { from: last, until: now };
        dialect::write_transaction(conn, |conn| outage_record(conn, outage, "no process was running"))?;
    }
    for outage in outages_since(conn, Outages::horizon(now))? {
        common.outages.add(outage);
    }
    Ok(())
}
