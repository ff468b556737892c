//! Takes committed effects from the outbox and has them performed: claim, perform outside any transaction, settle in a short
//! second one. Must not know what an effect means; several processes may share one outbox.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use crate::engine::{Committed, Engine, EngineError};
use crate::ids;
use crate::machine::Time;
use crate::performers::{PerformError, Performers};
use crate::store::incident_rows::{IncidentRow, incident_open};
use crate::store::lease_rows::{Lease, Settlement, lease_claim, lease_extend, lease_settle, lease_wanted};
use crate::store::outbox_payload::leaves;
use crate::store::outbox_rows::OutboxRow;
use crate::store::{Connection, StoreError};

/// How often the outbox is looked at when nobody nudges: for rows that another process left, and for retries that fall due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a stopping worker waits for what it has begun.
const PARTING: Duration = Duration::from_secs(10);
/// How often a claim or settlement is tried before it is left to the next round.
const WRITES: u32 = 4;
/// The wait after a first failed attempt; each further one doubles it.
const FIRST_WAIT_MILLIS: i64 = 2_000;
const LONGEST_WAIT_MILLIS: i64 = 900_000;

/// How the worker works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Effects performed at the same time.
    pub parallel: usize,
    /// How long a claim holds without being extended, in milliseconds.
    pub lease_millis: i64,
    /// Attempts before an effect becomes an incident.
    pub attempts: i64,
    /// Names this process among those that share the outbox.
    pub process: String,
}

/// The outbox worker of a process. Cheap to clone; all clones are the same worker.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    engine: Engine,
    performers: Performers,
    settings: Settings,
    /// Rows under way here: a clock that jumps must not have them claimed a second time.
    busy: Mutex<BTreeSet<String>>,
    claims: AtomicU64,
    places: Arc<Semaphore>,
    finished: Notify,
}

impl Outbox {
    pub fn new(performers: Performers, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            engine: performers.engine.clone(),
            places: Arc::new(Semaphore::new(settings.parallel.max(1))),
            performers,
            settings,
            busy: Mutex::default(),
            claims: AtomicU64::new(0),
            finished: Notify::new(),
        }))
    }

    /// Works until told to stop, then waits for what it has begun.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut committed = self.0.engine.subscribe();
        while !*stop.borrow() {
            if let Err(error) = self.start_waiting().await {
                tracing::warn!(%error, "the outbox could not be read");
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.0.finished.notified() => {}
                () = nudged(&mut committed) => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let all = u32::try_from(self.0.settings.parallel.max(1)).unwrap_or(u32::MAX);
        if tokio::time::timeout(PARTING, self.0.places.acquire_many(all))
            .await
            .is_err()
        {
            tracing::warn!("effects under way were left to another worker");
        }
    }

    /// Performs everything that waits now, and what that leads to, before it returns; how many rows were worked on.
    ///
    /// # Errors
    /// A failing store.
    pub async fn drain(&self) -> Result<usize, EngineError> {
        let mut worked = 0;
        loop {
            let (rows, lease) = self.claim(self.0.settings.parallel.max(1)).await?;
            if rows.is_empty() {
                return Ok(worked);
            }
            worked += rows.len();
            let tasks: Vec<_> = rows
                .into_iter()
                .map(|row| tokio::spawn(self.clone().work(row, lease.clone())))
                .collect();
            for task in tasks {
                let _ended = task.await;
            }
        }
    }

    /// Starts as much as there are free places for.
    async fn start_waiting(&self) -> Result<(), EngineError> {
        loop {
            let free = self.0.places.available_permits();
            if free == 0 {
                return Ok(());
            }
            let (rows, lease) = self.claim(free).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let Ok(place) = Arc::clone(&self.0.places).acquire_owned().await else {
                    return Ok(());
                };
                let (worker, lease) = (self.clone(), lease.clone());
                tokio::spawn(async move {
                    worker.clone().work(row, lease).await;
                    drop(place);
                    worker.0.finished.notify_one();
                });
            }
        }
    }

    async fn claim(&self, most: usize) -> Result<(Vec<OutboxRow>, Lease), EngineError> {
        let engine = &self.0.engine;
        let now = engine.now();
        let lease = self.lease(now);
        // A look costs no commit; most of the time nothing waits.
        if !engine.read(move |conn| lease_wanted(conn, now)).await? {
            return Ok((Vec::new(), lease));
        }
        let busy: Vec<String> = self.busy().iter().cloned().collect();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let claim = lease.clone();
        let claiming = self.write_again("claim effects", move |conn| lease_claim(conn, &claim, now, most, &busy));
        let rows = claiming.await?;
        self.busy().extend(rows.iter().map(|row| row.id.clone()));
        Ok((rows, lease))
    }

    fn lease(&self, now: Time) -> Lease {
        let claim = self.0.claims.fetch_add(1, Ordering::Relaxed);
        Lease {
            owner: format!("{}/{claim}", self.0.settings.process),
            until: now.plus_millis(self.0.settings.lease_millis),
        }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(self, row: OutboxRow, lease: Lease) {
        let outcome = self.perform(&row, &lease).await;
        if let Some(outcome) = outcome {
            let told = match &outcome {
                Ok(()) => "done",
                Err(PerformError::Passing(_)) => "passing",
                Err(PerformError::Lasting(_)) => "lasting",
            };
            metrics::counter!("luochui_outbox_performed_total", "kind" => row.kind.clone(), "outcome" => told)
                .increment(1);
            if let Err(error) = self.settle(&row, &lease, outcome).await {
                // The lease runs out and the work is done again: at least once.
                tracing::warn!(outbox.id = %row.id, %error, "an effect could not be settled");
            }
        }
        self.busy().remove(&row.id);
    }

    /// `None` where the lease was lost meanwhile: another worker has taken over, and this outcome counts for nothing.
    async fn perform(&self, row: &OutboxRow, lease: &Lease) -> Option<Result<(), PerformError>> {
        let (performers, own) = (self.0.performers.clone(), row.clone());
        // A task of its own, so that a panic in a performer ends as this row's failure and nothing else's.
        let mut task = tokio::spawn(async move { performers.perform(&own).await });
        let lease_millis = u64::try_from(self.0.settings.lease_millis).unwrap_or(1);
        let beat = Duration::from_millis((lease_millis / 3).max(1));
        loop {
            tokio::select! {
                done = &mut task => {
                    return Some(done.unwrap_or_else(|error| Err(PerformError::lasting(format!("it broke off: {error}")))));
                }
                () = tokio::time::sleep(beat) => {
                    if !self.extend(row, lease).await {
                        task.abort();
                        return None;
                    }
                }
            }
        }
    }

    async fn extend(&self, row: &OutboxRow, lease: &Lease) -> bool {
        let longer = Lease {
            owner: lease.owner.clone(),
            until: self.0.engine.now().plus_millis(self.0.settings.lease_millis),
        };
        let id = row.id.clone();
        let extended = self
            .0
            .engine
            .write("extend a lease", move |conn| lease_extend(conn, &id, &longer));
        // Where the store does not answer, the lease still holds for the rest of its time.
        extended.await.unwrap_or(true)
    }

    async fn settle(
        &self,
        row: &OutboxRow,
        lease: &Lease,
        outcome: Result<(), PerformError>,
    ) -> Result<(), EngineError> {
        let now = self.0.engine.now();
        let settlement = match outcome {
            Ok(()) => Settlement::Done,
            Err(PerformError::Passing(error)) if row.attempts < self.0.settings.attempts => Settlement::Later {
                at: now.plus_millis(wait_millis(&row.id, row.attempts)),
                error,
            },
            Err(error) => Settlement::Failed {
                error: error.to_string(),
            },
        };
        if let Settlement::Failed { error } = &settlement {
            tracing::error!(outbox.id = %row.id, instance.id = %row.instance, kind = %row.kind, %error, "an effect failed for good");
        }
        let (row, owner) = (row.clone(), lease.owner.clone());
        let settling = self.write_again("settle an effect", move |conn| {
            settle(conn, &row, &owner, now, &settlement)
        });
        settling.await
    }

    /// Writes, and tries again where the store could not: two processes that lock rows in another order make each other give up.
    async fn write_again<T: Send + 'static>(
        &self,
        label: &'static str,
        run: impl Fn(&mut Connection) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> Result<T, EngineError> {
        let run = Arc::new(run);
        let mut left = WRITES;
        loop {
            let again = Arc::clone(&run);
            left -= 1;
            match self.0.engine.write(label, move |conn| again(conn)).await {
                Err(EngineError::Store(error)) if left > 0 => tracing::debug!(label, %error, "written again"),
                other => return other,
            }
        }
    }
}

/// Returns when something was committed that leaves the database.
async fn nudged(committed: &mut broadcast::Receiver<Arc<Committed>>) {
    loop {
        match committed.recv().await {
            Ok(committed) if committed.effects.iter().any(leaves) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The outcome and, for a lasting failure, the incident, in one transaction.
fn settle(
    conn: &mut Connection,
    row: &OutboxRow,
    owner: &str,
    now: Time,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    let settled = lease_settle(conn, &row.id, owner, now, settlement)?;
    let Settlement::Failed { error } = settlement else {
        return Ok(());
    };
    if !settled {
        return Ok(());
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let id = ids::id_of(&format!("incident/{}/{owner}", row.id));
    let told = (row.id.clone(), format!("{}: {error}", row.kind));
    let incident = IncidentRow {
        trade: some(&row.trade),
        instance: some(&row.instance),
        ..IncidentRow::open(id, "outbox", told, now)
    };
    incident_open(conn, &incident)
}

/// How long to wait after an attempt (from 1): doubling, and up to a quarter more, drawn from the row's id, so that what failed
/// together does not come back together.
fn wait_millis(id: &str, attempt: i64) -> i64 {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0);
    let wait = FIRST_WAIT_MILLIS
        .saturating_mul(1_i64 << doublings)
        .min(LONGEST_WAIT_MILLIS);
    let drawn = Sha256::digest(format!("{id}/{attempt}").as_bytes());
    let drawn = i64::from(drawn.first().copied().unwrap_or(0));
    wait + wait / 4 * drawn / 255
}

#[cfg(test)]
mod tests {
    use super::wait_millis;

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        let waits: Vec<i64> = (1..=12).map(|attempt| wait_millis("a", attempt)).collect();
        assert!((2_000..=2_500).contains(&waits[0]), "{waits:?}");
        assert!(waits.windows(2).take(8).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 1_125_000), "{waits:?}");
        assert_ne!(wait_millis("a", 3), wait_millis("b", 3));
    }
}
