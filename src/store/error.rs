//! Why the store failed. Must not know what a person is told about it.

use diesel::result::{DatabaseErrorKind, Error};

/// A failure of the database, of what it holds, or of what it takes to read and write it; never a lawful no.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no such row")]
    NotFound,
    /// Another writer was faster: reload and decide again.
    #[error("the row had changed")]
    Conflict,
    /// A unique key is taken.
    #[error("the key exists already: {0}")]
    Duplicate(String),
    /// The transaction did not commit, through no fault of this write.
    #[error("the transaction was not committed: {0}")]
    NotCommitted(String),
    /// The connection broke at commit: it may have happened or not.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
    /// What is stored cannot be read back.
    #[error("stored content is damaged: {0}")]
    Corrupt(String),
    /// What was decided fits into no row: the program is at fault.
    #[error("what was decided cannot be written: {0}")]
    Unwritable(String),
    #[error("the database cannot be opened: {0}")]
    Open(String),
    #[error("the database refused: {0}")]
    Query(String),
    /// A file beside the database: its lock, a copy, exported rows.
    #[error("a file cannot be read or written: {0}")]
    File(String),
    #[error("the system gives no randomness: {0}")]
    Randomness(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(kind, message) => match kind {
                DatabaseErrorKind::UniqueViolation => Self::Duplicate(message.message().into()),
                DatabaseErrorKind::SerializationFailure => Self::Conflict,
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                    Self::Unknown(message.message().into())
                }
                _ => Self::Query(message.message().into()),
            },
            Error::DeserializationError(error) => Self::Corrupt(error.to_string()),
            other => Self::Query(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
