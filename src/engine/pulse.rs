//! Twice a second: marks that writing works and how far this process is drained, follows the database's clock, and notices
//! what other processes published and which of them are gone. Must not own a deadline.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::common::Common;
use super::outages::Outages;
use super::watch::TICK;
use super::{Engine, EngineError};
use crate::machine::Time;
use crate::machine::outage::{Outage, Reach};
use crate::store::calendar_rows::calendars_newest;
use crate::store::outage_rows::{outage_record, outages_since};
use crate::store::outbox_rows::outbox_waiting;
use crate::store::process_rows::{
    Process, heartbeat_last, heartbeat_leave, heartbeat_set, process_strike, processes_other, processes_strike,
};
use crate::store::{Connection, StoreError, dialect};

/// The label of the heartbeat's write, which changes nothing that anybody keeps.
pub(super) const HEARTBEAT: &str = "heartbeat";

const BEAT: Duration = Duration::from_millis(500);

/// A process that has not been heard of for longer is gone. Long enough for one that a busy machine holds up; a deadline that
/// falls into this time asks it directly.
const GONE_MILLIS: i64 = 5_000;

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

/// Looks at the clock until the process ends: a gap between two looks is a time in which it stood still.
pub(super) fn watch(common: &std::sync::Weak<Common>) {
    while let Some(common) = common.upgrade() {
        common.watch.look(common.now(), |outage| common.suffered(outage));
        drop(common);
        std::thread::sleep(TICK);
    }
}

async fn beat(engine: &Engine) -> Result<(), EngineError> {
    let common = Arc::clone(&engine.inner.common);
    // A virtual clock's time says nothing about real outages.
    if !common.clock.is_virtual() {
        common.watch.beat(common.now());
        mark(engine).await?;
        common.watch.beaten(common.now(), |slow| common.suffered(slow));
    }
    let shared = engine.is_shared();
    let now = common.now();
    // Who sends a command is looked up: where that waits for the store, so does the command.
    common.watch.ask(now);
    let (waiting, oldest) = engine.read(outbox_waiting).await?;
    common.watch.answered(common.now(), |slow| common.suffered(slow));
    if shared {
        let following = Arc::clone(&common);
        for process in engine.read(move |conn| follow(&following, conn)).await? {
            strike(engine, process).await?;
        }
    }
    let age = oldest.map_or(0, |oldest| now.millis_since(oldest).max(0));
    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
    metrics::gauge!("luochui_outbox_waiting").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
    metrics::gauge!("luochui_outbox_age_seconds").set(age.as_secs_f64());
    Ok(())
}

/// Writes the heartbeat, with how far this process is drained and what it suffered until then: whoever believes the one must know
/// the other.
pub(super) async fn mark(engine: &Engine) -> Result<(), EngineError> {
    let common = Arc::clone(&engine.inner.common);
    let process = own_mark(&common);
    let going_on = common.watch.going_on(common.now());
    // Asked for after what goes on: what ends in between is then found here. It stays unrecorded until this mark is durable, since
    // another mark may be sooner.
    let over = common.outages.unrecorded();
    let suffered = over.clone();
    engine
        .write(HEARTBEAT, move |conn| {
            // What is over comes last, and says how long it was.
            for outage in going_on.into_iter().chain(suffered) {
                outage_record(conn, outage, "nothing could be decided")?;
            }
            heartbeat_set(conn, &process)
        })
        .await?;
    common.outages.recorded(&over);
    Ok(())
}

fn own_mark(common: &Common) -> Process {
    Process {
        id: common.process.to_string(),
        at: common.now(),
        drained: common.ingress.drained(|| common.now()),
    }
}

/// Records that a process ended without taking leave; the first to notice does.
async fn strike(engine: &Engine, process: Process) -> Result<(), EngineError> {
    let outage = Outage {
        from: process.at,
        until: engine.now(),
        reach: Reach::Process,
    };
    tracing::warn!(process = process.id, "another process is gone");
    engine
        .write("strike off process", move |conn| {
            if process_strike(conn, &process)? {
                outage_record(conn, outage, "a process ended without taking leave")?;
            }
            Ok(())
        })
        .await
}

/// What may have changed through another process; the processes that are gone.
fn follow(common: &Common, conn: &mut Connection) -> Result<Vec<Process>, StoreError> {
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
    drop(known);
    if common.clock.is_virtual() {
        return Ok(Vec::new());
    }
    let now = common.now();
    let mut gone = processes_other(conn, &common.process)?;
    let there = gone.extract_if(.., |process| !is_gone(process, now)).count();
    common.accompanied.store(there > 0, Ordering::Relaxed);
    Ok(gone)
}

fn is_gone(process: &Process, now: Time) -> bool {
    now.millis_since(process.at) > GONE_MILLIS
}

/// Takes up service: what lies since the last process was heard of is an outage, unless another one serves.
pub(super) fn take_up(common: &Common, conn: &mut Connection) -> Result<(), StoreError> {
    if common.clock.is_virtual() {
        return Ok(());
    }
    let now = common.now();
    dialect::write_transaction(conn, |conn| {
        // SQLite has one process; the lock on its file says that the one before is gone.
        let alone = !conn.is_shared()
            || processes_other(conn, &common.process)?
                .iter()
                .all(|process| is_gone(process, now));
        if let Some(last) = heartbeat_last(conn)?.filter(|_| alone) {
            let outage = Outage {
                from: last,
                until: now,
                reach: Reach::Process,
            };
            outage_record(conn, outage, "no process was running")?;
            processes_strike(conn)?;
        }
        common.accompanied.store(!alone, Ordering::Relaxed);
        heartbeat_set(conn, &own_mark(common))
    })?;
    for outage in outages_since(conn, Outages::horizon(now))? {
        common.outages.add(outage);
    }
    Ok(())
}

/// Takes leave: nothing is in this process's hands any more.
pub(super) fn take_leave(common: &Common, conn: &mut Connection) -> Result<(), StoreError> {
    if common.clock.is_virtual() {
        return Ok(());
    }
    let now = common.now();
    dialect::write_transaction(conn, |conn| heartbeat_leave(conn, &common.process, now))
}
