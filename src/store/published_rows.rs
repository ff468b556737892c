//! What instances published to their live stream. Must not know who listens.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{instances, published};
use super::{Connection, StoreError};

/// A row of `published`, numbered from 1 within its instance; `data` is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = published)]
pub struct PublishedRow {
    pub instance: String,
    pub number: i64,
    pub trade: String,
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

/// The last `limit` of what an instance published, in its order.
///
/// # Errors
/// A failing database.
pub fn published_last(conn: &mut Connection, instance: &str, limit: i64) -> Result<Vec<PublishedRow>, StoreError> {
    let rows = published::table.filter(published::instance.eq(instance));
    let mut rows: Vec<PublishedRow> = rows
        .order(published::number.desc())
        .limit(limit)
        .select(PublishedRow::as_select())
        .load(conn)?;
    rows.reverse();
    Ok(rows)
}

/// How much each of some instances has published, for those that have published at all.
///
/// # Errors
/// A failing database.
pub fn published_counts(conn: &mut Connection, wanted: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
    let counts = instances::table
        .filter(instances::id.eq_any(wanted))
        .filter(instances::published.gt(0));
    Ok(counts
        .order(instances::id)
        .select((instances::id, instances::published))
        .load(conn)?)
}
