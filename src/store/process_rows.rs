//! The processes that serve one database: when each was last able to write, and up to when nothing is on its way in it.
//! Must not judge who is gone.

use diesel::prelude::*;

use super::schema::heartbeats;
use super::{Connection, StoreError};
use crate::machine::Time;

/// A process that has not taken leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub id: String,
    /// When it was last able to write.
    pub at: Time,
    /// Nothing stamped before this is on its way in it.
    pub drained: Time,
}

/// Marks that writing works, and how far the process is drained. A mark that was overtaken by a later one takes nothing back.
///
/// # Errors
/// A failing database.
pub fn heartbeat_set(conn: &mut Connection, process: &Process) -> Result<(), StoreError> {
    let row = heartbeats::table.filter(heartbeats::process.eq(&process.id));
    let known: i64 = row.count().get_result(conn)?;
    if known == 0 {
        let row = (
            heartbeats::process.eq(&process.id),
            heartbeats::at.eq(process.at.0),
            heartbeats::drained.eq(process.drained.0),
        );
        diesel::insert_into(heartbeats::table).values(row).execute(conn)?;
        return Ok(());
    }
    diesel::update(row.filter(heartbeats::at.lt(process.at.0)))
        .set(heartbeats::at.eq(process.at.0))
        .execute(conn)?;
    diesel::update(row.filter(heartbeats::drained.lt(process.drained.0)))
        .set(heartbeats::drained.eq(process.drained.0))
        .execute(conn)?;
    Ok(())
}

/// The process ends in order: nothing is in its hands.
///
/// # Errors
/// A failing database.
pub fn heartbeat_leave(conn: &mut Connection, process: &str, at: Time) -> Result<(), StoreError> {
    let row = heartbeats::table.filter(heartbeats::process.eq(process));
    let marks = (heartbeats::at.eq(at.0), heartbeats::left_at.eq(at.0));
    diesel::update(row).set(marks).execute(conn)?;
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

/// The processes other than `own` that have not taken leave, by their ids.
///
/// # Errors
/// A failing database.
pub fn processes_other(conn: &mut Connection, own: &str) -> Result<Vec<Process>, StoreError> {
    let rows = heartbeats::table
        .filter(heartbeats::process.ne(own))
        .filter(heartbeats::left_at.is_null())
        .order(heartbeats::process);
    let columns = (heartbeats::process, heartbeats::at, heartbeats::drained);
    let rows: Vec<(String, i64, i64)> = rows.select(columns).load(conn)?;
    let process = |(id, at, drained)| Process {
        id,
        at: Time(at),
        drained: Time(drained),
    };
    Ok(rows.into_iter().map(process).collect())
}

/// Strikes a process off that was last heard of at its `at`; false where it has been heard of since, or somebody else did it.
///
/// # Errors
/// A failing database.
pub fn process_strike(conn: &mut Connection, process: &Process) -> Result<bool, StoreError> {
    let row = heartbeats::table
        .filter(heartbeats::process.eq(&process.id))
        .filter(heartbeats::left_at.is_null())
        .filter(heartbeats::at.eq(process.at.0));
    Ok(diesel::delete(row).execute(conn)? > 0)
}

/// Strikes off all processes.
///
/// # Errors
/// A failing database.
pub fn processes_strike(conn: &mut Connection) -> Result<(), StoreError> {
    diesel::delete(heartbeats::table).execute(conn)?;
    Ok(())
}
