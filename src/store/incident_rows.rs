//! What went wrong and waits for an admin. Must not retry anything.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::incidents;
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `incidents`. Its place is a transition, a timer, a calendar, or the id of an outbox row.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = incidents, treat_none_as_default_value = false)]
pub struct IncidentRow {
    pub id: String,
    pub trade: Option<String>,
    pub instance: Option<String>,
    /// `fault`, `timer`, `late_ingress`, `outbox` or `calendar`.
    pub kind: String,
    pub place: String,
    pub text: String,
    pub opened_at: i64,
    pub closed_at: Option<i64>,
    pub closed_by: Option<String>,
}

impl IncidentRow {
    /// One that is open. It belongs to no trade until it is told of one.
    #[must_use]
    pub fn open(id: String, kind: &str, (place, text): (String, String), at: Time) -> Self {
        Self {
            id,
            trade: None,
            instance: None,
            kind: kind.to_owned(),
            place,
            text,
            opened_at: at.0,
            closed_at: None,
            closed_by: None,
        }
    }
}

/// Opens an incident.
///
/// # Errors
/// A failing database, or an id that is taken.
pub fn incident_open(conn: &mut Connection, row: &IncidentRow) -> Result<(), StoreError> {
    diesel::insert_into(incidents::table).values(row).execute(conn)?;
    Ok(())
}

/// One incident.
///
/// # Errors
/// A failing database.
pub fn incident_get(conn: &mut Connection, id: &str) -> Result<Option<IncidentRow>, StoreError> {
    let row = incidents::table
        .filter(incidents::id.eq(id))
        .select(IncidentRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// Open incidents, newest first.
///
/// # Errors
/// A failing database.
pub fn incidents_open(conn: &mut Connection, limit: i64) -> Result<Vec<IncidentRow>, StoreError> {
    let rows = incidents::table.filter(incidents::closed_at.is_null());
    let order = (incidents::opened_at.desc(), incidents::id);
    Ok(rows
        .order(order)
        .limit(limit)
        .select(IncidentRow::as_select())
        .load(conn)?)
}

/// Closes an incident; closing a closed one changes nothing.
///
/// # Errors
/// `NotFound` where there is no open incident of that id.
pub fn incident_close(conn: &mut Connection, id: &str, by: &str, at: Time) -> Result<(), StoreError> {
    let open = incidents::table
        .filter(incidents::id.eq(id))
        .filter(incidents::closed_at.is_null());
    let closed = (incidents::closed_at.eq(at.0), incidents::closed_by.eq(by));
    match diesel::update(open).set(closed).execute(conn)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}
