//! Takes all that wait, decides them in memory, writes them together, and only then answers.
//!
//! ```text
//! wait ─ take all ─ decide in memory ─ one transaction ─ answer ─ wait
//!                        │                   │ fails: nobody is answered, the trades are forgotten
//!                        └──────◄────────────┘ once together with the rows locked and the keys looked up, then one by one
//! ```
//! Must not answer before the commit, and must not keep in memory what is not committed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use diesel::Connection as _;

use super::cache::Held;
use super::common::Common;
use super::desk::{Desk, Keys, Worked};
use super::drain::Drain;
use super::hand::Hand;
use super::hub::News;
use super::points::{Point, Points};
use super::pulse::HEARTBEAT;
use super::queue::{Answered, Settled, Submit, Write};
use super::{Committed, EngineError, Submission, projection, sharing};
use crate::machine::Time;
use crate::machine::trade::InstanceId;
use crate::store::batch::Batch;
use crate::store::connection::Target;
use crate::store::trade_rows::trade_seq;
use crate::store::{Connection, StoreError, dialect};

/// How often a single command is tried again where other processes keep moving its trade.
const MOST_TRIES: u32 = 8;

/// How long trades are locked before they are decided after another process was found to move them too.
const SHARED_FOR: Duration = Duration::from_millis(200);

/// One writer: a thread with a connection of its own.
pub(super) struct Writer {
    /// Which of the process's writers.
    pub number: usize,
    pub common: Arc<Common>,
    pub conn: Connection,
    pub target: Target,
    pub limit: usize,
    pub drain: Drain,
    /// Commands that wait with their trade's deadline.
    pub held_back: Vec<Submit>,
    /// Commands that were taken before it was their turn.
    pub later: Vec<Submit>,
    /// How long to rest after each batch.
    pub pause: Duration,
    /// When another process was last found to have moved a trade of this writer.
    pub shared: Option<Instant>,
}

/// Receipts to be handed out, in the order of the submissions, and what follows from the commit.
pub(super) struct Decided {
    settled: Vec<Settled>,
    pub batch: Batch,
    held: Vec<Arc<Held>>,
    /// Trades whose receipts rest on reading alone, with the version read.
    read: Vec<(InstanceId, i64)>,
    told: Vec<Committed>,
}

/// Why nothing is committed, and what had been decided: its trades must be forgotten.
pub(super) type Undone = (StoreError, Option<Box<Decided>>);

/// Closures that ran in a transaction whose end is not known yet.
#[derive(Default)]
pub(super) struct Ran {
    answers: Vec<Answered>,
    /// How many of them changed something that others may keep in memory.
    changes: u64,
}

/// How carefully a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// From memory, without a lock.
    Quick,
    /// Rows locked, trades reloaded, keys looked up, all in one transaction.
    Locked,
}

impl Writer {
    /// Brings every submission to an end: together if that works, more carefully if not.
    pub(super) fn settle(&mut self, hand: &mut Hand) -> Vec<Settled> {
        // Where another process moves the same trades, being quick would be in vain more often than not.
        let shared = self.shared.is_some_and(|since| since.elapsed() < SHARED_FOR);
        let care = if shared { Care::Locked } else { Care::Quick };
        let mut failure = match self.attempt(hand, care) {
            Ok(settled) => return settled,
            Err(error) => error,
        };
        if care == Care::Quick && matches!(failure, StoreError::Conflict | StoreError::Duplicate(_)) {
            match self.attempt(hand, Care::Locked) {
                Ok(settled) => return settled,
                Err(error) => failure = error,
            }
        }
        tracing::warn!(error = %failure, size = hand.len(), "a batch failed and is done again one by one");
        let mut settled = Vec::with_capacity(hand.submits.len());
        for submit in std::mem::take(&mut hand.submits) {
            let mut one = Hand::of(vec![submit], Vec::new());
            settled.push(self.settle_one(&mut one));
            hand.submits.append(&mut one.submits);
        }
        for write in hand.writes.drain(..) {
            // Closures that have not run yet get their own transaction, so that one of them cannot fail the others.
            let _answered = self.attempt(&mut Hand::of(Vec::new(), vec![write]), Care::Quick);
        }
        settled
    }

    fn settle_one(&mut self, one: &mut Hand) -> Settled {
        let mut last = StoreError::Conflict;
        for _ in 0..MOST_TRIES {
            match self.attempt(one, Care::Locked) {
                Ok(mut settled) => return settled.pop().unwrap_or(Settled::Answered(Err(EngineError::Stopping))),
                Err(error @ (StoreError::Conflict | StoreError::Duplicate(_) | StoreError::Unknown(_))) => last = error,
                Err(error) => return Settled::Answered(Err(error.into())),
            }
        }
        Settled::Answered(Err(last.into()))
    }

    /// Decides and commits. After an error nothing is committed and nothing in memory is newer than the store.
    fn attempt(&mut self, hand: &mut Hand, care: Care) -> Result<Vec<Settled>, StoreError> {
        let mut ran = Ran::default();
        let outcome = match care {
            Care::Quick => self.quick(hand, &mut ran),
            Care::Locked => self.locked(hand, &mut ran),
        };
        let outcome = match outcome {
            Err((StoreError::Unknown(text), decided)) => self.look_up(text, decided),
            Err((error, decided)) => Err((error, decided)),
            Ok(decided) => Ok(decided),
        };
        // Before anybody is answered, and also where it is not known what became of the commit.
        self.common.changes.fetch_add(ran.changes, Ordering::SeqCst);
        match outcome {
            Ok(decided) => {
                if !ran.answers.is_empty() || !decided.batch.is_empty() {
                    self.common.watch.wrote(self.common.now());
                }
                ran.answers.into_iter().for_each(|answered| answered(Ok(())));
                Ok(self.publish(decided))
            }
            Err((error, decided)) => {
                for answered in ran.answers {
                    answered(Err(match &error {
                        StoreError::Unknown(text) => StoreError::Unknown(text.clone()),
                        error => StoreError::NotCommitted(error.to_string()),
                    }));
                }
                // Something newer is stored than what is held, and will be caught up with under the lock. Only what is shared has one.
                let behind = matches!(error, StoreError::Conflict | StoreError::Duplicate(_));
                if !behind || !self.conn.is_shared() {
                    self.forget(&hand.submissions(), decided);
                }
                self.failed(&error);
                Err(error)
            }
        }
    }

    fn quick(&mut self, hand: &mut Hand, ran: &mut Ran) -> Result<Decided, Undone> {
        // A database that is shared stands behind a network.
        let keys = if self.conn.is_shared() {
            Keys::Trust
        } else {
            Keys::LookUp
        };
        let decided = decide_all(&self.common, &mut self.drain, &mut self.conn, &hand.submissions(), keys);
        let decided = decided.map_err(|error| (error, None))?;
        let conn = &mut self.conn;
        let writes = &mut hand.writes;
        let written = if writes.is_empty() {
            commit_alone(conn, &decided, &self.common.points)
        } else {
            dialect::write_transaction(conn, |conn| {
                check_read(conn, &decided.read)?;
                dialect::batch_write(conn, &decided.batch)?;
                run_writes(conn, writes, ran);
                Ok(())
            })
        };
        match written {
            Ok(()) => Ok(decided),
            Err(error) => Err((error, Some(Box::new(decided)))),
        }
    }

    fn locked(&mut self, hand: &mut Hand, ran: &mut Ran) -> Result<Decided, Undone> {
        let (common, drain) = (&self.common, &mut self.drain);
        let mut kept = None;
        let mut moved = false;
        let written = dialect::write_transaction(&mut self.conn, |conn| {
            let locked = sharing::lock_trades(common, conn, &hand.submissions())?;
            moved = locked.moved;
            // Others have had the trades until now: what has come meanwhile need not wait for them once more.
            hand.join(common, &locked.trades);
            let decided = decide_all(common, drain, conn, &hand.submissions(), Keys::LookUp)?;
            // What is in memory may have been moved by another process before the lock was taken.
            check_read(conn, &decided.read)?;
            let written = dialect::batch_write(conn, &decided.batch);
            kept = Some(decided);
            written?;
            run_writes(conn, &mut hand.writes, ran);
            Ok(())
        });
        if moved {
            self.shared = Some(Instant::now());
        }
        match (written, kept) {
            (Ok(()), Some(decided)) => Ok(decided),
            (Ok(()), None) => Err((StoreError::NotCommitted("nothing was decided".into()), None)),
            (Err(error), kept) => Err((error, kept.map(Box::new))),
        }
    }

    /// The commit is durable: memory, listeners and the timer loop learn of it.
    fn publish(&mut self, mut decided: Decided) -> Vec<Settled> {
        for held in &decided.held {
            self.common.cache.put(held);
        }
        for committed in decided.told {
            self.common.hub.tell(committed);
        }
        if !decided.batch.published.is_empty() {
            let rows = std::mem::take(&mut decided.batch.published);
            self.common.hub.publish(News::Here(rows));
        }
        let armed = decided.batch.timers_armed.iter().chain(&decided.batch.timers_changed);
        if let Some(due) = armed.filter(|timer| timer.live).map(|timer| timer.due_at).min() {
            self.common.alarm.armed(Time(due));
        }
        if !decided.batch.incidents.is_empty() {
            let count = u64::try_from(decided.batch.incidents.len()).unwrap_or(u64::MAX);
            metrics::counter!("luochui_incidents_total").increment(count);
        }
        let events = u64::try_from(decided.batch.history.len()).unwrap_or(u64::MAX);
        metrics::counter!("luochui_events_total").increment(events);
        metrics::counter!("luochui_commits_total").increment(1);
        self.common.commits.fetch_add(1, Ordering::Relaxed);
        decided.settled
    }

    fn forget(&self, submissions: &[&Submission], decided: Option<Box<Decided>>) {
        for held in decided.iter().flat_map(|decided| &decided.held) {
            self.common.cache.forget(&held.trade.id);
        }
        for submission in submissions {
            if let super::Request::Offer { instance, .. } = &submission.request
                && let Some(trade) = self.common.cache.place(instance)
            {
                self.common.cache.forget(&trade);
            }
        }
    }
}

fn commit_alone(conn: &mut Connection, decided: &Decided, points: &Points) -> Result<(), StoreError> {
    check_read(conn, &decided.read)?;
    if decided.batch.is_empty() {
        return Ok(());
    }
    points.reach(Point::BeforeBegin);
    dialect::batch_commit(conn, &decided.batch, || points.reach(Point::BeforeCommit))?;
    points.reach(Point::AfterCommit);
    Ok(())
}

/// A refusal writes nothing that would notice another process's change, so the versions it rests on are compared.
fn check_read(conn: &mut Connection, read: &[(InstanceId, i64)]) -> Result<(), StoreError> {
    if !conn.is_shared() {
        return Ok(());
    }
    for (trade, seq) in read {
        if trade_seq(conn, trade)? != Some(*seq) {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}

fn run_writes(conn: &mut Connection, writes: &mut Vec<Write>, ran: &mut Ran) {
    for write in writes.drain(..) {
        let started = Instant::now();
        // In a savepoint: what fails undoes itself alone, and has told its caller so.
        if let Ok(answered) = conn.transaction(|conn| (write.run)(conn)) {
            ran.answers.push(answered);
            ran.changes += u64::from(write.label != HEARTBEAT);
        }
        metrics::histogram!("luochui_write_seconds", "label" => write.label).record(started.elapsed());
    }
}

fn decide_all(
    common: &Common,
    drain: &mut Drain,
    conn: &mut Connection,
    submissions: &[&Submission],
    keys: Keys,
) -> Result<Decided, StoreError> {
    let mut desk = Desk::new(common, drain);
    if keys == Keys::LookUp {
        desk.look_up_keys(conn, submissions)?;
    }
    let mut settled = Vec::with_capacity(submissions.len());
    for submission in submissions {
        settled.push(desk.take(conn, submission)?);
    }
    let mut trades = desk.trades;
    let batch = projection::batch(desk.gathered, &mut trades)?;
    let read = trades
        .values()
        .filter(|worked| !worked.has_moved())
        .map(|worked| (Arc::clone(&worked.trade.id), super::gather::number_of(worked.trade.seq)));
    let read = read.collect();
    Ok(Decided {
        settled,
        batch,
        held: trades.into_values().map(Worked::held).collect(),
        read,
        told: desk.told,
    })
}
