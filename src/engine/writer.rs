//! Takes all that wait, decides them in memory, writes them together, and only then answers.

use std::sync::mpsc::Receiver;

use diesel::Connection as _;

use super::EngineError;
use super::queue::{Answered, Job};
use crate::store::{Connection, StoreError};

/// Runs until every sender is gone.
pub(super) fn run(mut conn: Connection, jobs: &Receiver<Job>, limit: usize) {
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(limit)).collect();
        let mut done: Vec<Answered> = Vec::new();
        let outcome = conn.transaction::<_, StoreError, _>(|conn| {
            for job in batch {
                match job {
                    Job::Submit(_, answer) => drop(answer.send(Err(EngineError::Stopping))),
                    Job::Write(write) => {
                        tracing::trace!(label = write.label, "write");
                        done.extend(conn.transaction(|conn| (write.run)(conn)).ok());
                    }
                }
            }
            Ok(())
        });
        for answered in done {
            answered(match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(StoreError::NotCommitted(error.to_string())),
            });
        }
    }
}
