//! What the other rooms call. Must not decide or write: it queues, waits and reads.

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};

use super::hub::Hub;
use super::queue::{Answered, Job, Queue, Write};
use super::{Committed, EngineError, Library, Receipt, Snapshot, Submission};
use crate::clock::Clock;
use crate::machine::Time;
use crate::machine::calendar::Calendars;
use crate::machine::trade::InstanceId;
use crate::store::connection::ReadPool;
use crate::store::{Connection, StoreError};

/// The engine of one process. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub clock: Clock,
    pub queues: Vec<Queue>,
    pub readers: ReadPool,
    pub hub: Hub,
    pub library: Library,
    pub calendars: std::sync::RwLock<Arc<Calendars>>,
}

impl Engine {
    /// Offers a command and waits until its outcome is durable.
    ///
    /// # Errors
    /// Unknown instances and bundles, a reused key, a full queue, a failing store. A lawful no is a receipt.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, EngineError> {
        let (answer, answered) = oneshot::channel();
        let queue = self.inner.queues.first().ok_or(EngineError::Stopping)?;
        queue.push(Job::Submit(Box::new(submission), answer))?;
        answered.await.map_err(|_| EngineError::Stopping)?
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
        let (answer, answered) = oneshot::channel();
        let run = Box::new(move |conn: &mut Connection| match run(conn) {
            Ok(value) => Ok(Box::new(move |outcome: Result<(), StoreError>| {
                // A caller that went away does not undo what is durable.
                let _gone = answer.send(outcome.map(|()| value));
            }) as Answered),
            Err(error) => {
                let text = error.to_string();
                let _gone = answer.send(Err(error));
                Err(StoreError::NotCommitted(text))
            }
        });
        let queue = self.inner.queues.first().ok_or(EngineError::Stopping)?;
        queue.push(Job::Write(Write { label, run }))?;
        answered
            .await
            .map_err(|_| EngineError::Stopping)?
            .map_err(EngineError::from)
    }

    /// Runs a closure on a connection that cannot write.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub async fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let readers = self.inner.readers.clone();
        let work = move || {
            let mut conn = readers.get().map_err(|error| StoreError::Open(error.to_string()))?;
            run(&mut conn)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| StoreError::Query(error.to_string()))?
            .map_err(EngineError::from)
    }

    /// The trade that an instance belongs to, as it is committed.
    ///
    /// # Errors
    /// An unknown instance, or a failing store.
    pub async fn trade(&self, instance: &InstanceId) -> Result<Snapshot, EngineError> {
        let _ = instance;
        Err(EngineError::NotFound)
    }

    /// The time that commands are stamped with: the clock's, on PostgreSQL corrected to the database's.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    #[must_use]
    pub fn library(&self) -> &Library {
        &self.inner.library
    }

    /// The newest calendars.
    #[must_use]
    pub fn calendars(&self) -> Arc<Calendars> {
        let calendars = self.inner.calendars.read();
        Arc::clone(&calendars.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Everything that commits from now on, in the order of commits.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.inner.hub.subscribe()
    }
}
