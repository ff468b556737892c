//! Effects that leave the database. Must not perform them, and must not know what they mean.

use diesel::prelude::*;
use serde::Serialize;

use super::outbox_payload::Payload;
use super::schema::outbox;
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `outbox`: work that somebody shall do after the commit, at least once.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
pub struct OutboxRow {
    pub id: String,
    pub trade: String,
    pub instance: String,
    /// `Asked::kind`
    pub kind: String,
    /// `Payload` in JSON.
    pub payload: String,
    pub created_at: i64,
    pub available_at: i64,
    pub attempts: i64,
    pub lease_until: Option<i64>,
    pub lease_owner: Option<String>,
    pub done_at: Option<i64>,
    pub failed_at: Option<i64>,
    pub error: Option<String>,
}

impl OutboxRow {
    /// A row that nobody has tried yet, to be done from now on. It belongs to no trade until it is told of one.
    ///
    /// # Errors
    /// What cannot be written as JSON: the program's fault.
    pub fn waiting(id: String, payload: &Payload, now: Time) -> Result<Self, StoreError> {
        Ok(Self {
            id,
            trade: String::new(),
            instance: String::new(),
            kind: payload.asked.kind().to_owned(),
            payload: serde_json::to_string(payload)?,
            created_at: now.0,
            available_at: now.0,
            attempts: 0,
            lease_until: None,
            lease_owner: None,
            done_at: None,
            failed_at: None,
            error: None,
        })
    }
}

/// Neither done nor given up.
#[diesel::dsl::auto_type]
pub(super) fn is_unsettled() -> _ {
    outbox::done_at.is_null().and(outbox::failed_at.is_null())
}

/// Adds work that no step asked for: a reminder, a digest.
///
/// # Errors
/// `Duplicate` where the id is taken.
pub fn outbox_offer(conn: &mut Connection, row: &OutboxRow) -> Result<(), StoreError> {
    diesel::insert_into(outbox::table).values(row).execute(conn)?;
    Ok(())
}

/// Lets a failed row be tried again from its first attempt on. False where it has not failed.
///
/// # Errors
/// A failing database.
pub fn outbox_retry(conn: &mut Connection, id: &str, now: Time) -> Result<bool, StoreError> {
    let failed = outbox::table
        .filter(outbox::id.eq(id))
        .filter(outbox::failed_at.is_not_null());
    let set = (
        outbox::failed_at.eq(None::<i64>),
        outbox::available_at.eq(now.0),
        outbox::attempts.eq(0),
    );
    Ok(diesel::update(failed).set(set).execute(conn)? == 1)
}

/// Deletes rows that were done before the time given; returns how many. Failed ones stay until an admin has seen to them.
///
/// # Errors
/// A failing database.
pub fn outbox_forget(conn: &mut Connection, before: Time) -> Result<usize, StoreError> {
    let old = outbox::table.filter(outbox::done_at.lt(before.0));
    Ok(diesel::delete(old).execute(conn)?)
}

/// How many rows wait, and since when the oldest does.
///
/// # Errors
/// A failing database.
pub fn outbox_waiting(conn: &mut Connection) -> Result<(i64, Option<Time>), StoreError> {
    let waiting = outbox::table.filter(is_unsettled());
    let count = waiting.count().get_result(conn)?;
    let oldest: Option<i64> = waiting
        .order(outbox::available_at)
        .select(outbox::created_at)
        .first(conn)
        .optional()?;
    Ok((count, oldest.map(Time)))
}

/// All rows of a trade, oldest first.
///
/// # Errors
/// A failing database.
pub fn outbox_of_trade(conn: &mut Connection, trade: &str) -> Result<Vec<OutboxRow>, StoreError> {
    let rows = outbox::table.filter(outbox::trade.eq(trade));
    Ok(rows
        .order((outbox::created_at, outbox::id))
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// Marks all that waits as done, for measurements that are not about it.
///
/// # Errors
/// A failing database.
pub fn outbox_settle(conn: &mut Connection, at: Time) -> Result<usize, StoreError> {
    let waiting = outbox::table.filter(outbox::done_at.is_null());
    Ok(diesel::update(waiting)
        .set(outbox::done_at.eq(Some(at.0)))
        .execute(conn)?)
}
