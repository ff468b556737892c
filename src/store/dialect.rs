//! Where the two databases differ: the only file that asks which one it is, beside opening and migrating.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;

use super::batch::{Batch, postgres, sqlite};
use super::schema::trades;
use super::{Connection, StoreError};
use crate::machine::Time;

/// Writes a batch. On SQLite the caller must hold a write transaction; on PostgreSQL the one statement is its own.
///
/// # Errors
/// `Conflict` where a trade had moved, `Duplicate` for a used idempotency key.
pub fn batch_write(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    match conn {
        Connection::Sqlite(conn) => sqlite::write(conn, batch),
        Connection::Postgres(conn) => postgres::write(conn, batch),
    }
}

/// Writes a batch and commits it, with nothing else in its transaction.
///
/// # Errors
/// As `batch_write`, and those of the commit.
pub fn batch_commit(conn: &mut Connection, batch: &Batch) -> Result<(), StoreError> {
    match conn {
        Connection::Postgres(conn) => postgres::write(conn, batch),
        Connection::Sqlite(_) => write_transaction(conn, |conn| batch_write(conn, batch)),
    }
}

/// Runs a closure in a transaction that holds the write lock from its start: one that begins by reading and is upgraded
/// later fails at once on SQLite, whatever the busy timeout.
///
/// # Errors
/// The closure's, after a rollback, or the commit's.
pub fn write_transaction<T>(
    conn: &mut Connection,
    run: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match conn {
        Connection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?,
        Connection::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn)?,
    }
    match run(conn) {
        Ok(value) => {
            <Connection as diesel::Connection>::TransactionManager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // The first failure is the one to report; a rollback that fails too leaves the connection broken, which is seen next.
            let _second = <Connection as diesel::Connection>::TransactionManager::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// Locks trades in the order of their ids, so that two processes cannot wait for each other. SQLite has one writer: nothing to do.
///
/// # Errors
/// A failing database.
pub fn trades_lock(conn: &mut Connection, ids: &[&str]) -> Result<(), StoreError> {
    if let Connection::Postgres(conn) = conn {
        let rows = trades::table.filter(trades::id.eq_any(ids)).order(trades::id);
        rows.select(trades::id).for_update().load::<String>(conn)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct DatabaseTime {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    millis: i64,
}

/// The database's clock, where several processes share one; `None` on SQLite, whose only process has its own.
///
/// # Errors
/// A failing database.
pub fn database_time(conn: &mut Connection) -> Result<Option<Time>, StoreError> {
    let Connection::Postgres(conn) = conn else {
        return Ok(None);
    };
    let query = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS millis";
    let time: DatabaseTime = diesel::sql_query(query).get_result(conn)?;
    Ok(Some(Time(time.millis)))
}

/// True where the connection must be opened anew.
pub fn is_broken(conn: &mut Connection) -> bool {
    diesel::r2d2::R2D2Connection::is_broken(conn)
}
