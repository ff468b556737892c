//! Recurring jobs: each of its slots (a day, a to-do's reminder) is claimed once over all processes and restarts. What is claimed
//! counts as run. Must not know what a job does.

use diesel::prelude::*;

use super::dialect::insert_unless_taken;
use super::schema::schedule_slots;
use super::{Connection, StoreError};
use crate::machine::Time;

/// Claims a slot of a job; true where this caller is the one to run it.
///
/// # Errors
/// A failing database.
pub fn recurring_claim(conn: &mut Connection, job: &str, slot: &str, at: Time) -> Result<bool, StoreError> {
    let row = (
        schedule_slots::schedule.eq(job),
        schedule_slots::slot.eq(slot),
        schedule_slots::claimed_at.eq(at.0),
    );
    insert_unless_taken(conn, |conn| {
        diesel::insert_into(schedule_slots::table).values(row).execute(conn)
    })
}

/// Which of these slots of a job are claimed already, in no order: a look that costs no commit.
///
/// # Errors
/// A failing database.
pub fn recurring_claimed(conn: &mut Connection, job: &str, slots: &[String]) -> Result<Vec<String>, StoreError> {
    let rows = schedule_slots::table
        .filter(schedule_slots::schedule.eq(job))
        .filter(schedule_slots::slot.eq_any(slots));
    Ok(rows.select(schedule_slots::slot).load(conn)?)
}
