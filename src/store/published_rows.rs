//! What instances published to their live stream and entered in their public record. Must not know who listens.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{published, records};
use super::{Connection, StoreError};

#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = published)]
pub struct PublishedRow {
    pub instance: String,
    pub number: i64,
    pub trade: String,
    pub at: i64,
    pub data: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = records)]
pub struct RecordRow {
    pub instance: String,
    pub number: i64,
    pub trade: String,
    pub kind: String,
    pub at: i64,
    pub data: String,
}

/// What an instance published after `after`, in its order.
///
/// # Errors
/// A failing database.
pub fn published_after(
    conn: &mut Connection,
    instance: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<PublishedRow>, StoreError> {
    let rows = published::table
        .filter(published::instance.eq(instance))
        .filter(published::number.gt(after));
    Ok(rows
        .order(published::number)
        .limit(limit)
        .select(PublishedRow::as_select())
        .load(conn)?)
}

/// An instance's record after `after`, in its order.
///
/// # Errors
/// A failing database.
pub fn records_after(
    conn: &mut Connection,
    instance: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<RecordRow>, StoreError> {
    let rows = records::table
        .filter(records::instance.eq(instance))
        .filter(records::number.gt(after));
    Ok(rows
        .order(records::number)
        .limit(limit)
        .select(RecordRow::as_select())
        .load(conn)?)
}
