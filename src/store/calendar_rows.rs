//! Every version of every working-day calendar. Must not count days.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::calendars;
use super::{Connection, StoreError};
use crate::machine::calendar::{Calendar, Calendars};

/// A row of `calendars`: one version, with all years that it knows as JSON in `body`.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = calendars)]
pub struct CalendarRow {
    pub name: String,
    pub version: i64,
    pub body: String,
    pub imported_at: i64,
    pub imported_by: String,
}

/// The newest version of each calendar.
///
/// # Errors
/// A failing database, or a body that cannot be read back.
pub fn calendars_newest(conn: &mut Connection) -> Result<Calendars, StoreError> {
    let rows: Vec<CalendarRow> = calendars::table
        .order((calendars::name, calendars::version))
        .select(CalendarRow::as_select())
        .load(conn)?;
    let mut newest = Calendars::default();
    for row in rows {
        newest.0.insert(row.name.as_str().into(), calendar_read(&row)?);
    }
    Ok(newest)
}

/// Adds a version of a calendar.
///
/// # Errors
/// `Duplicate` where another process added this version first.
pub fn calendar_insert(conn: &mut Connection, row: &CalendarRow) -> Result<(), StoreError> {
    diesel::insert_into(calendars::table).values(row).execute(conn)?;
    Ok(())
}

fn calendar_read(row: &CalendarRow) -> Result<Calendar, StoreError> {
    Ok(serde_json::from_str(&row.body)?)
}
