//! Notices between the processes of one PostgreSQL database. Must not be relied on: a notice may be lost, so whoever waits
//! for one also looks by itself now and then.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::dialect::postgres_only;
use super::{Connection, StoreError};

const CHANNEL: &str = "luochui";

/// A connection that hears notices from now on.
///
/// # Errors
/// A failing database; SQLite, which has one process.
pub fn notices_listen(conn: &mut Connection) -> Result<(), StoreError> {
    let conn = postgres_only(conn, "notices")?;
    diesel::sql_query(format!("LISTEN {CHANNEL}")).execute(conn)?;
    Ok(())
}

/// Tells every listener, this connection included; at most 7,999 bytes.
///
/// # Errors
/// A failing database.
pub fn notice_tell(conn: &mut Connection, text: &str) -> Result<(), StoreError> {
    let conn = postgres_only(conn, "notices")?;
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANNEL)
        .bind::<Text, _>(text)
        .execute(conn)?;
    Ok(())
}

/// What has come in. Does not wait, and asks the server nothing.
///
/// # Errors
/// A connection that is lost.
pub fn notices_heard(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let conn = postgres_only(conn, "notices")?;
    let heard = conn.notifications_iter();
    Ok(heard
        .map(|notice| notice.map(|notice| notice.payload))
        .collect::<QueryResult<_>>()?)
}
