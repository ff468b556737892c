//! All SQL: connections, migrations, schema, and one file per family of tables. Must not decide anything and must not
//! open a transaction of its own where a caller holds one: functions take `conn`, resource first, verb second.

pub mod connection;
mod either;
pub mod error;
pub mod migrations;
pub mod schema;

pub use connection::{Backend, Connection, Target};
pub use error::StoreError;
