//! What the other rooms call. Must not decide or write: it queues, waits and reads.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use super::common::Common;
use super::ingress::Stamp;
use super::queue::{Job, Queue, Submit};
use super::{Committed, EngineError, Library, News, Receipt, Request, Snapshot, Submission, loading};
use crate::clock::Clock;
use crate::machine::Time;
use crate::machine::calendar::Calendars;
use crate::machine::step::Cause;
use crate::machine::trade::InstanceId;
use crate::record::{Checkpoint, PlatformSigner};
use crate::store::connection::ReadPool;
use crate::store::trade_rows::{instance_trade, trade_seq};
use crate::store::{Connection, StoreError};

/// How old what is known of a trade may be where the step decides again.
const RECENT: Duration = Duration::from_secs(1);

/// The engine of one process. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub common: Arc<Common>,
    /// Other processes may write too.
    pub is_shared: bool,
    pub queues: Vec<Queue>,
    pub next_writer: AtomicUsize,
    pub readers: ReadPool,
    /// How often the store was read.
    pub reads: AtomicU64,
    pub stop: watch::Sender<bool>,
}

impl Inner {
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the engine is told to stop.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`, so the wait only ends by the signal.
        let mut stop = self.stop.subscribe();
        let _closed = stop.wait_for(|stop| *stop).await;
    }
}

impl Engine {
    /// Offers a command and waits until its outcome is durable.
    ///
    /// # Errors
    /// Unknown instances and bundles, a reused key, a full queue, a failing store. A lawful no is a receipt.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, EngineError> {
        let nobody_waits = matches!(
            submission.request,
            Request::Offer {
                cause: Cause::Timer { .. },
                ..
            }
        );
        let at = submission.ingress;
        let stamp = (!nobody_waits).then(|| self.inner.common.ingress.stamp(|| at));
        self.push(submission, stamp).await
    }

    /// As `submit`, for a request that was stamped at its entry: deadlines wait for the stamp until the request is decided, and
    /// no longer, however long its holder keeps it.
    ///
    /// # Errors
    /// As `submit`.
    pub async fn submit_stamped(&self, stamp: &Stamp, submission: Submission) -> Result<Receipt, EngineError> {
        self.push(submission, Some(stamp.share())).await
    }

    async fn push(&self, submission: Submission, stamp: Option<Stamp>) -> Result<Receipt, EngineError> {
        let (answer, answered) = oneshot::channel();
        let writer = self.writer_for(&submission).await?;
        let submit = Submit {
            submission,
            stamp,
            answer,
        };
        self.hand_to(writer, Job::Submit(submit))?;
        answered.await.map_err(|_| EngineError::Stopping)?
    }

    /// Puts a job into a writer's queue. The watch is told where there is no room.
    fn hand_to(&self, writer: usize, job: Job) -> Result<(), EngineError> {
        let queue = self.inner.queues.get(writer).ok_or(EngineError::Stopping)?;
        let common = &self.inner.common;
        queue.push(job).inspect_err(|_| common.watch.shut(writer, common.now()))
    }

    /// Runs a closure in the next batch's transaction and waits until it is durable. An error undoes this closure alone.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub async fn write<T: Send + 'static>(
        &self,
        label: &'static str,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (job, written) = Job::write(label, run);
        self.hand_to(self.any_writer(), job)?;
        Ok(written.await.map_err(|_| EngineError::Stopping)??)
    }

    /// Runs a closure on a connection that cannot write.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub async fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.reading(|conn| run(conn).map_err(EngineError::from)).await
    }

    async fn reading<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.inner.reads.fetch_add(1, Ordering::Relaxed);
        let readers = self.inner.readers.clone();
        let work = move || {
            let mut conn = readers.get().map_err(|error| StoreError::Open(error.to_string()))?;
            run(&mut conn)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| EngineError::Panicked(error.to_string()))?
    }

    /// How often this process has read the store: what is answered alike must cost alike.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }

    /// The trade that an instance belongs to, as it is committed.
    ///
    /// # Errors
    /// An unknown instance, or a failing store.
    pub async fn trade(&self, instance: &InstanceId) -> Result<Snapshot, EngineError> {
        let common = &self.inner.common;
        if !self.inner.is_shared
            && let Some(held) = common.cache.place(instance).and_then(|trade| common.cache.get(&trade))
        {
            return Ok(snapshot(&held));
        }
        let (common, instance) = (Arc::clone(common), Arc::clone(instance));
        self.reading(move |conn| {
            let trade = loading::place(&common, conn, &instance)?.ok_or(EngineError::NotFound)?;
            // Another process may have moved it since: what is held counts only at the stored version.
            let seq = trade_seq(conn, &trade)?.ok_or(EngineError::NotFound)?;
            let held = common.cache.get(&trade);
            let current = held.filter(|held| i64::try_from(held.trade.seq) == Ok(seq));
            let held = match current {
                Some(held) => held,
                None => {
                    let held = match common.cache.get(&trade) {
                        Some(held) => loading::refreshed(&common, conn, &held)?,
                        None => loading::load_stored(&common, conn, &trade)?,
                    };
                    let held = held.ok_or(EngineError::NotFound)?;
                    common.cache.offer(&held);
                    held
                }
            };
            held.checked.again();
            Ok(snapshot(&held))
        })
        .await
    }

    /// The trade that an instance belongs to, as it was committed a second ago at most: for what is decided again with the step.
    ///
    /// # Errors
    /// An unknown instance, or a failing store.
    pub async fn recent_trade(&self, instance: &InstanceId) -> Result<Snapshot, EngineError> {
        let cache = &self.inner.common.cache;
        if let Some(held) = cache.place(instance).and_then(|trade| cache.get(&trade))
            && held.checked.age() < RECENT
        {
            return Ok(snapshot(&held));
        }
        self.trade(instance).await
    }

    /// Stamps a request at its entry. Keep the stamp until the request is submitted: deadlines wait for it.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let common = &self.inner.common;
        common.ingress.stamp(|| common.now())
    }

    /// The time that commands are stamped with: the clock's, on PostgreSQL corrected to the database's.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.common.now()
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.common.clock
    }

    #[must_use]
    pub fn library(&self) -> &Library {
        &self.inner.common.library
    }

    /// True where other processes may serve the same database: what is held in memory may then be behind what is stored.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.inner.is_shared
    }

    /// Who signs for the platform; `None` where nobody does.
    #[must_use]
    pub fn signer(&self) -> Option<&Arc<dyn PlatformSigner>> {
        self.inner.common.signing.signer()
    }

    /// A checkpoint is durable: receipts carry it from now on.
    pub fn learn(&self, checkpoint: Checkpoint) {
        self.inner.common.signing.learn(checkpoint);
    }

    /// The newest calendars.
    #[must_use]
    pub fn calendars(&self) -> Arc<Calendars> {
        self.inner.common.calendars()
    }

    /// Everything that this process commits from now on, in the order of commits.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.inner.common.hub.subscribe()
    }

    /// What live streams are told from now on: of this process in the order of commits, and of others that there is something.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<Arc<News>> {
        self.inner.common.hub.news()
    }

    /// Waits until the engine is told to stop.
    pub async fn stopped(&self) {
        self.inner.stopped().await;
    }

    /// Transactions that this process's writers have committed.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.common.commits.load(Ordering::Relaxed)
    }

    /// Counts what this process has written beside the trades: accounts, sessions, files. Who keeps something that was read
    /// compares the count from before reading.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.inner.common.changes.load(Ordering::SeqCst)
    }

    /// Sleeps until `now` is `due`; never less.
    pub(super) async fn sleep_until(&self, due: Time) {
        let ahead = self.inner.common.ahead.load(Ordering::Relaxed);
        self.clock().sleep_until(due.plus_millis(-ahead)).await;
    }

    fn any_writer(&self) -> usize {
        let next = self.inner.next_writer.fetch_add(1, Ordering::Relaxed);
        next % self.inner.queues.len().max(1)
    }

    /// A trade always goes to the same writer of this process, so that writers seldom meet on one; so does what a party opens, of
    /// which there may be one at a time.
    async fn writer_for(&self, submission: &Submission) -> Result<usize, EngineError> {
        if self.inner.queues.len() == 1 {
            return Ok(0);
        }
        let Request::Offer { instance, .. } = &submission.request else {
            let actor = &submission.actor;
            return Ok(self.writer_of(actor.party.as_ref().unwrap_or(&actor.account)));
        };
        let trade = match self.inner.common.cache.place(instance) {
            Some(trade) => trade,
            None => {
                let instance = Arc::clone(instance);
                let trade = self.read(move |conn| instance_trade(conn, &instance)).await?;
                trade.ok_or(EngineError::NotFound)?
            }
        };
        Ok(self.writer_of(&trade))
    }

    fn writer_of(&self, name: &crate::machine::Name) -> usize {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let count = u64::try_from(self.inner.queues.len()).unwrap_or(1).max(1);
        usize::try_from(hasher.finish() % count).unwrap_or(0)
    }
}

fn snapshot(held: &super::cache::Held) -> Snapshot {
    Snapshot {
        trade: Arc::clone(&held.trade),
        bundle: Arc::clone(&held.bundle),
    }
}
