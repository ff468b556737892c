//! Public records: the chained ones line by line with their checkpoints, and the plain entries of machines that keep none.
//! Must not hash or verify: the room `record` does.

use diesel::prelude::*;
use serde::Serialize;

use super::dialect::insert_unless_taken;
use super::schema::{record_checkpoints, record_lines, records};
use super::{Connection, StoreError};

/// The slot of the checkpoint that covers a whole record.
pub const WHOLE: &str = "whole";

/// A row of `record_lines`: a line as it is hashed, numbered from 0 (the origin), and the history entry it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = record_lines)]
pub struct LineRow {
    pub instance: String,
    pub number: i64,
    pub trade: String,
    pub seq: i64,
    pub line: String,
}

/// A row of `record_checkpoints`; its slot is the minute since 1970, or `WHOLE`.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = record_checkpoints)]
pub struct CheckpointRow {
    pub instance: String,
    pub slot: String,
    pub size: i64,
    pub sm3: String,
    pub sha256: String,
    pub at: i64,
    pub key: String,
    pub signature: String,
}

/// A row of `records`: an entry in the public record of an instance whose machine keeps no chained one.
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

/// The last line of a record, or `None` where nothing was recorded yet.
///
/// # Errors
/// A failing database.
pub fn record_last(conn: &mut Connection, instance: &str) -> Result<Option<LineRow>, StoreError> {
    let rows = record_lines::table.filter(record_lines::instance.eq(instance));
    let last = rows.order(record_lines::number.desc()).select(LineRow::as_select());
    Ok(last.first(conn).optional()?)
}

/// Lines of a record from number `from` on, in their order.
///
/// # Errors
/// A failing database.
pub fn record_from(conn: &mut Connection, instance: &str, from: i64, limit: i64) -> Result<Vec<LineRow>, StoreError> {
    let rows = record_lines::table
        .filter(record_lines::instance.eq(instance))
        .filter(record_lines::number.ge(from));
    let ordered = rows.order(record_lines::number).limit(limit);
    Ok(ordered.select(LineRow::as_select()).load(conn)?)
}

/// Instances of a trade that have a record, in the order of their ids.
///
/// # Errors
/// A failing database.
pub fn records_of_trade(conn: &mut Connection, instances: &[String]) -> Result<Vec<String>, StoreError> {
    let rows = record_lines::table
        .filter(record_lines::instance.eq_any(instances))
        .filter(record_lines::number.eq(0));
    let ids = rows.order(record_lines::instance).select(record_lines::instance);
    Ok(ids.load(conn)?)
}

/// Instances whose record has no checkpoint over the whole yet, in the order of their ids.
///
/// # Errors
/// A failing database.
pub fn records_open(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let whole = record_checkpoints::table
        .filter(record_checkpoints::instance.eq(record_lines::instance))
        .filter(record_checkpoints::slot.eq(WHOLE));
    let rows = record_lines::table
        .filter(record_lines::number.eq(0))
        .filter(diesel::dsl::not(diesel::dsl::exists(whole)));
    let ids = rows.order(record_lines::instance).select(record_lines::instance);
    Ok(ids.load(conn)?)
}

/// All checkpoints of a record, by how much they cover.
///
/// # Errors
/// A failing database.
pub fn checkpoints_of(conn: &mut Connection, instance: &str) -> Result<Vec<CheckpointRow>, StoreError> {
    let rows = record_checkpoints::table.filter(record_checkpoints::instance.eq(instance));
    let ordered = rows.order((
        record_checkpoints::size,
        record_checkpoints::at,
        record_checkpoints::slot,
    ));
    Ok(ordered.select(CheckpointRow::as_select()).load(conn)?)
}

/// The checkpoint of a record that covers most.
///
/// # Errors
/// A failing database.
pub fn checkpoint_latest(conn: &mut Connection, instance: &str) -> Result<Option<CheckpointRow>, StoreError> {
    let rows = record_checkpoints::table.filter(record_checkpoints::instance.eq(instance));
    let latest = rows.order((
        record_checkpoints::size.desc(),
        record_checkpoints::at.desc(),
        record_checkpoints::slot.desc(),
    ));
    Ok(latest.select(CheckpointRow::as_select()).first(conn).optional()?)
}

/// Keeps a checkpoint; false where its slot is taken: another process was first.
///
/// # Errors
/// A failing database.
pub fn checkpoint_keep(conn: &mut Connection, row: &CheckpointRow) -> Result<bool, StoreError> {
    insert_unless_taken(conn, |conn| {
        diesel::insert_into(record_checkpoints::table).values(row).execute(conn)
    })
}

/// Entries of an instance in `records` after number `after`, in their order.
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
