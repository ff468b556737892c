//! All SQL: connections, migrations, schema, and one file per family of tables. Must not decide anything and must not
//! open a transaction of its own where a caller holds one: functions take `conn`, resource first, verb second.
//!
//! In all rows, times are milliseconds since 1970 UTC, amounts are fen, and digests lower-case hex.

pub mod account_rows;
pub mod batch;
pub mod booking_rows;
pub mod calendar_rows;
pub mod challenge_rows;
pub mod connection;
pub mod definition_rows;
pub mod dialect;
pub mod document_rows;
mod either;
pub mod error;
pub mod history_rows;
pub mod idempotency_rows;
pub mod incident_rows;
pub mod lease_rows;
pub mod ledger_rows;
pub mod list_rows;
pub mod mail_rows;
pub mod migrations;
pub mod name_rows;
pub mod notices;
pub mod outage_rows;
pub mod outbox_payload;
pub mod outbox_rows;
pub mod process_rows;
pub mod published_rows;
pub mod record_rows;
pub mod recurring_rows;
pub mod schema;
pub mod seal_rows;
pub mod sealing_rows;
pub mod session_rows;
pub mod table_export;
pub mod timer_rows;
pub mod todo_rows;
pub mod token_rows;
pub mod trade_rows;
pub mod trust_rows;
pub mod upload_rows;

pub use connection::{Connection, Target};
pub use error::StoreError;
