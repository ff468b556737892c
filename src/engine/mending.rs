//! What a writer does when the store fails: finds out whether a commit happened, reaches the database again. Must not decide
//! anything again: the writer does, once it is known what is durable.

use std::time::Duration;

use super::writer::{Decided, Undone, Writer};
use crate::store::connection::Use;
use crate::store::history_rows::history_holds;
use crate::store::{StoreError, dialect};

/// What a database that went away is given before the next attempt to reach it.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

impl Writer {
    /// The connection broke at commit: asks the store whether the batch's history is there.
    pub(super) fn look_up(&mut self, text: String, decided: Option<Box<Decided>>) -> Result<Decided, Undone> {
        self.reconnect();
        let Some(decided) = decided else {
            return Err((StoreError::Unknown(text), None));
        };
        let Some(row) = decided.batch.history.first() else {
            return Err((StoreError::Unknown(text), Some(decided)));
        };
        loop {
            match history_holds(&mut self.conn, &row.trade, row.seq, &row.hash) {
                Ok(true) => return Ok(*decided),
                Ok(false) => return Err((StoreError::NotCommitted(text), Some(decided))),
                // Deciding again before it is known could apply an event twice.
                Err(error) if dialect::is_broken(&mut self.conn) => {
                    tracing::warn!(%error, "the outcome of a commit is still unknown");
                    self.reconnect();
                }
                Err(error) => return Err((error, Some(decided))),
            }
        }
    }

    fn reconnect(&mut self) {
        loop {
            match self.target.open(Use::Write) {
                Ok(conn) => {
                    self.conn = conn;
                    return;
                }
                Err(error) => tracing::error!(%error, "the database cannot be reached"),
            }
            std::thread::sleep(RECONNECT_PAUSE);
        }
    }

    /// Opens the connection anew where it broke.
    pub(super) fn failed(&mut self, error: &StoreError) {
        if matches!(
            error,
            StoreError::Conflict | StoreError::Duplicate(_) | StoreError::Corrupt(_) | StoreError::Unwritable(_)
        ) {
            return;
        }
        metrics::counter!("luochui_failed_commits_total").increment(1);
        tracing::error!(%error, "a batch was not committed");
        if dialect::is_broken(&mut self.conn) {
            self.reconnect();
        }
    }
}
