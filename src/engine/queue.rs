//! The bounded queue in front of a writer. Must not decide or write.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::{EngineError, Receipt, Submission};
use crate::store::{Connection, StoreError};

/// What a writer works on.
pub(super) enum Job {
    Submit(Box<Submission>, oneshot::Sender<Result<Receipt, EngineError>>),
    Write(Write),
}

/// A closure on the batch's transaction, with what to do once it is durable or is known not to be.
pub(super) struct Write {
    /// For logs and metrics.
    pub label: &'static str,
    /// Runs within the transaction and keeps its result to itself; an error undoes this closure alone.
    pub run: Box<dyn FnOnce(&mut Connection) -> Result<Answered, StoreError> + Send>,
}

/// Called once with what became of the commit.
pub(super) type Answered = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The entrance to one writer.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Job>,
}

impl Queue {
    pub fn bounded(length: usize) -> (Self, Receiver<Job>) {
        let (sender, receiver) = sync_channel(length);
        (Self { sender }, receiver)
    }

    /// # Errors
    /// A full queue, so that a caller can be told to come back rather than wait without end.
    pub fn push(&self, job: Job) -> Result<(), EngineError> {
        self.sender.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Overloaded { retry_after_seconds: 1 },
            TrySendError::Disconnected(_) => EngineError::Stopping,
        })
    }
}
