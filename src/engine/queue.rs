//! The bounded queue in front of a writer. Must not decide or write.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::ingress::Stage;
use super::{EngineError, Receipt, Stamp, Submission};
use crate::store::{Connection, StoreError};

/// What a writer works on.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every job is a command, and a box for each would cost more"
)]
pub(super) enum Job {
    Submit(Submit),
    Write(Write),
    /// Nothing after this is taken.
    Stop,
}

/// A command and where its receipt goes.
pub(super) struct Submit {
    pub submission: Submission,
    /// A deadline after it waits until it is decided; absent for what nobody waits for, such as a timer.
    pub stamp: Option<Stamp>,
    pub answer: oneshot::Sender<Result<Receipt, EngineError>>,
}

/// What came of a submission.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are answers, and none lives longer than its batch"
)]
pub(super) enum Settled {
    Answered(Result<Receipt, EngineError>),
    /// Its trade's deadline waits for what was stamped before it, and so does this.
    HeldBack,
}

impl Job {
    /// A closure for the next batch's transaction, and where its result goes once it is durable.
    pub fn write<T: Send + 'static>(
        label: &'static str,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
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
        (Self::Write(Write { label, run }), answered)
    }
}

impl Submit {
    pub fn move_on(&self, stage: Stage) {
        if let Some(stamp) = &self.stamp {
            stamp.move_on(stage);
        }
    }
}

/// A closure on the batch's transaction, with what to do once it is durable or is known not to be.
pub(super) struct Write {
    /// For logs and metrics.
    pub label: &'static str,
    /// Runs within the transaction and keeps its result to itself; an error undoes this closure alone.
    pub run: Run,
}

type Run = Box<dyn FnOnce(&mut Connection) -> Result<Answered, StoreError> + Send>;

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
        })?;
        metrics::gauge!("luochui_queue_depth").increment(1);
        Ok(())
    }

    /// Waits for room where `push` would refuse: for what must not be dropped.
    pub fn stop(&self) {
        // A writer that has ended already needs no telling.
        let _ended = self.sender.send(Job::Stop);
    }

    /// Runs a closure in the next batch's transaction and waits until it is durable.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub async fn write<T: Send + 'static>(
        &self,
        label: &'static str,
        run: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (job, written) = Job::write(label, run);
        self.push(job)?;
        Ok(written.await.map_err(|_| EngineError::Stopping)??)
    }
}
