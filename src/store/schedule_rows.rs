//! Slots of recurring jobs: claimed once over all processes and restarts. Must not know what a job does.

use diesel::Connection as _;
use diesel::prelude::*;

use super::schema::schedule_slots;
use super::{Connection, StoreError};
use crate::machine::Time;

/// Claims a slot; true where this caller is the one to run it.
///
/// # Errors
/// A failing database.
pub fn slot_claim(conn: &mut Connection, schedule: &str, slot: &str, at: Time) -> Result<bool, StoreError> {
    let row = (
        schedule_slots::schedule.eq(schedule),
        schedule_slots::slot.eq(slot),
        schedule_slots::claimed_at.eq(at.0),
    );
    // In a savepoint: on PostgreSQL a violated key would end the surrounding transaction.
    let inserted = conn.transaction(|conn| diesel::insert_into(schedule_slots::table).values(row).execute(conn));
    match inserted.map_err(StoreError::from) {
        Ok(_) => Ok(true),
        Err(StoreError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Which of these slots are claimed already: a look that costs no commit.
///
/// # Errors
/// A failing database.
pub fn slots_taken(conn: &mut Connection, schedule: &str, slots: &[String]) -> Result<Vec<String>, StoreError> {
    let rows = schedule_slots::table
        .filter(schedule_slots::schedule.eq(schedule))
        .filter(schedule_slots::slot.eq_any(slots));
    Ok(rows.select(schedule_slots::slot).load(conn)?)
}
