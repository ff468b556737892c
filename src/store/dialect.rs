//! Where the two databases differ: the only file that asks which one it is, beside `connection` and `migrations`. Must not hold a
//! query that both can run.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;

use super::batch::{Batch, postgres, sqlite};
use super::idempotency_rows::KeyRow;
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

/// Writes a batch and commits it, with nothing else in its transaction. Calls `before_commit` when all is written and nothing is
/// committed: never on PostgreSQL, whose one statement does both.
///
/// # Errors
/// As `batch_write`, and those of the commit.
pub fn batch_commit(conn: &mut Connection, batch: &Batch, before_commit: impl FnOnce()) -> Result<(), StoreError> {
    match conn {
        Connection::Postgres(conn) => postgres::write(conn, batch),
        Connection::Sqlite(_) => write_transaction(conn, |conn| {
            batch_write(conn, batch)?;
            before_commit();
            Ok(())
        }),
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

/// Inserts a row; false where its key is taken. In a savepoint: on PostgreSQL a violated key would end the surrounding
/// transaction.
///
/// # Errors
/// A failing database.
pub(super) fn insert_unless_taken(
    conn: &mut Connection,
    insert: impl FnOnce(&mut Connection) -> QueryResult<usize>,
) -> Result<bool, StoreError> {
    match diesel::Connection::transaction(conn, insert).map_err(StoreError::from) {
        Ok(_) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks trades in the order of their ids, so that two processes cannot wait for each other, and tells how long the history of
/// each is. SQLite has one writer: nothing to do and nothing to tell.
///
/// # Errors
/// A failing database.
pub fn trades_lock(conn: &mut Connection, ids: &[&str]) -> Result<Vec<(String, i64)>, StoreError> {
    let Connection::Postgres(conn) = conn else {
        return Ok(Vec::new());
    };
    let rows = trades::table.filter(trades::id.eq_any(ids)).order(trades::id);
    Ok(rows.select((trades::id, trades::seq)).for_update().load(conn)?)
}

/// Looks up `[[actor, key], …]` in one prepared statement, whatever their number.
struct WantedKeys<'a>(&'a str);

const WANTED_COLUMNS: &str = "SELECT k.actor, k.key, k.body_sha256, k.receipt, k.at FROM ";

impl QueryFragment<Sqlite> for WantedKeys<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(WANTED_COLUMNS);
        out.push_sql("json_each(");
        out.push_bind_param::<Text, _>(self.0)?;
        // A cross join keeps the order of its sides: the few wanted keys are looked up, and not all keys gone through.
        out.push_sql(") w CROSS JOIN idempotency_keys k ON k.actor = w.value ->> 0 AND k.key = w.value ->> 1");
        Ok(())
    }
}

impl QueryFragment<Pg> for WantedKeys<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(WANTED_COLUMNS);
        out.push_sql("json_array_elements(");
        out.push_bind_param::<Text, _>(self.0)?;
        // OFFSET keeps the planner from turning the few look-ups into one walk through all keys, as it does for a table that it
        // has no statistics of yet.
        out.push_sql("::json) w CROSS JOIN LATERAL (SELECT * FROM idempotency_keys i ");
        out.push_sql("WHERE i.actor = w ->> 0 AND i.key = w ->> 1 OFFSET 0) k");
        Ok(())
    }
}

impl Query for WantedKeys<'_> {
    type SqlType = (Text, Text, Text, Text, BigInt);
}

impl QueryId for WantedKeys<'_> {
    type QueryId = ();
    // The text is always the same: the cache goes by it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for WantedKeys<'_> {}

/// The rows of keys that were used, of those in a JSON array of pairs.
///
/// # Errors
/// A failing database.
pub fn keys_find(conn: &mut Connection, wanted: &str) -> Result<Vec<KeyRow>, StoreError> {
    Ok(match conn {
        Connection::Sqlite(conn) => WantedKeys(wanted).load(conn)?,
        Connection::Postgres(conn) => WantedKeys(wanted).load(conn)?,
    })
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

/// The connection to PostgreSQL, for what the other has not: notices, import of rows.
///
/// # Errors
/// `Open` with `lacking`: what SQLite has not.
pub(super) fn postgres_only<'a>(conn: &'a mut Connection, lacking: &str) -> Result<&'a mut PgConnection, StoreError> {
    match conn {
        Connection::Postgres(conn) => Ok(conn),
        Connection::Sqlite(_) => Err(StoreError::Open(format!("SQLite has no {lacking}"))),
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The rows of a query in plain SQL that has one column of text, `line`.
///
/// # Errors
/// A failing database.
pub(super) fn lines(conn: &mut Connection, query: &str) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Line> = match conn {
        Connection::Sqlite(conn) => diesel::sql_query(query).load(conn)?,
        Connection::Postgres(conn) => diesel::sql_query(query).load(conn)?,
    };
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// True where the connection must be opened anew.
pub fn is_broken(conn: &mut Connection) -> bool {
    diesel::r2d2::R2D2Connection::is_broken(conn)
}

/// Runs a closure that sees one state of the database from beginning to end, whatever is committed meanwhile.
///
/// # Errors
/// The closure's, or the database's.
pub fn read_transaction<T>(
    conn: &mut Connection,
    run: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match conn {
        Connection::Sqlite(conn) => AnsiTransactionManager::begin_transaction(conn)?,
        Connection::Postgres(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
    }
    let outcome = run(conn);
    // Nothing was written, so how it ends changes nothing.
    let _ended = <Connection as diesel::Connection>::TransactionManager::rollback_transaction(conn);
    outcome
}

/// Copies an SQLite database as it stands into a new file, while others write.
///
/// # Errors
/// PostgreSQL, whose rows are exported instead, and a file that exists.
pub fn copy_into(conn: &mut Connection, file: &std::path::Path) -> Result<(), StoreError> {
    let Connection::Sqlite(conn) = conn else {
        return Err(StoreError::Open("only SQLite is copied as a file".into()));
    };
    let path = file
        .to_str()
        .ok_or_else(|| StoreError::Open("the path of the copy is not UTF-8".into()))?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<diesel::sql_types::Text, _>(path)
        .execute(conn)?;
    std::fs::File::open(file)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::File(format!("{path}: {error}")))
}

#[derive(QueryableByName)]
struct Integrity {
    #[diesel(sql_type = diesel::sql_types::Text)]
    integrity_check: String,
}

/// Checks the structure of an SQLite file. PostgreSQL checks its own.
///
/// # Errors
/// `Corrupt` with the first finding.
pub fn check_integrity(conn: &mut Connection) -> Result<(), StoreError> {
    let Connection::Sqlite(conn) = conn else { return Ok(()) };
    let found: Integrity = diesel::sql_query("PRAGMA integrity_check(1)").get_result(conn)?;
    match found.integrity_check.as_str() {
        "ok" => Ok(()),
        text => Err(StoreError::Corrupt(text.to_owned())),
    }
}
