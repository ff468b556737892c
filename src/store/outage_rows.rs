//! Spans in which nothing could be written. Must not judge them: a machine is told how much of a timer's time they took.

use diesel::prelude::*;

use super::schema::{heartbeats, outages};
use super::{Connection, StoreError};
use crate::machine::Time;

/// A span without a working write path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    pub from: Time,
    pub until: Time,
}

/// Marks that writing works.
///
/// # Errors
/// A failing database.
pub fn heartbeat_set(conn: &mut Connection, process: &str, at: Time) -> Result<(), StoreError> {
    let row = heartbeats::table.filter(heartbeats::process.eq(process));
    if diesel::update(row).set(heartbeats::at.eq(at.0)).execute(conn)? == 0 {
        let row = (heartbeats::process.eq(process), heartbeats::at.eq(at.0));
        diesel::insert_into(heartbeats::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// When any process was last able to write.
///
/// # Errors
/// A failing database.
pub fn heartbeat_last(conn: &mut Connection) -> Result<Option<Time>, StoreError> {
    let last: Option<i64> = heartbeats::table.select(diesel::dsl::max(heartbeats::at)).first(conn)?;
    Ok(last.map(Time))
}

/// Records an outage; one that begins at the same moment as another extends it.
///
/// # Errors
/// A failing database.
pub fn outage_record(conn: &mut Connection, outage: Outage, reason: &str) -> Result<(), StoreError> {
    let row = outages::table.filter(outages::from_at.eq(outage.from.0));
    if diesel::update(row)
        .set(outages::until_at.eq(outage.until.0))
        .execute(conn)?
        == 0
    {
        let row = (
            outages::from_at.eq(outage.from.0),
            outages::until_at.eq(outage.until.0),
            outages::reason.eq(reason),
        );
        diesel::insert_into(outages::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Outages that ended after `since`, in their order.
///
/// # Errors
/// A failing database.
pub fn outages_since(conn: &mut Connection, since: Time) -> Result<Vec<Outage>, StoreError> {
    let rows = outages::table
        .filter(outages::until_at.gt(since.0))
        .order(outages::from_at);
    let rows: Vec<(i64, i64)> = rows.select((outages::from_at, outages::until_at)).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(from, until)| Outage {
            from: Time(from),
            until: Time(until),
        })
        .collect())
}
