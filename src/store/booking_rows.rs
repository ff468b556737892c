//! Capacities and what instances have taken of them. Must not decide whether there is room.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{bookings, capacities};
use super::{Connection, StoreError};
use crate::machine::Time;
use crate::machine::slots::Span;

/// What `shown` is until it is worked out.
const UNKNOWN: &str = "";

/// A row of `capacities`. Its version grows with each booking and each new number.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable)]
#[diesel(table_name = capacities, treat_none_as_default_value = false)]
pub struct CapacityRow {
    pub name: String,
    pub version: i64,
    /// How many may be under way at once, where the centre has set a number.
    pub ceiling: Option<i64>,
    pub set_by: Option<String>,
    pub set_at: Option<i64>,
}

/// Something is booked of a capacity, provided that nothing was since its version was the one before this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CapacityMove {
    pub name: String,
    pub version: i64,
}

/// A row of `bookings`: what an instance has taken, from `from_at` until just before `until_at`.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = bookings, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct BookingRow {
    pub instance: String,
    pub trade: String,
    pub capacity: String,
    pub from_at: i64,
    pub until_at: i64,
    /// What everybody may know of the session, as JSON; nothing while they may not know that there is one. Empty where it is
    /// not worked out yet.
    pub shown: Option<String>,
}

/// The instance that gives its booking back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BookingKey {
    pub instance: String,
}

impl BookingRow {
    /// The stretch of time that is booked.
    #[must_use]
    pub fn span(&self) -> Span {
        Span {
            from: Time(self.from_at),
            until: Time(self.until_at),
        }
    }
}

/// One capacity; nothing where none of it was ever booked and no number was set.
///
/// # Errors
/// A failing database.
pub fn capacity_get(conn: &mut Connection, name: &str) -> Result<Option<CapacityRow>, StoreError> {
    let row = capacities::table.filter(capacities::name.eq(name));
    Ok(row.select(CapacityRow::as_select()).first(conn).optional()?)
}

/// All of which something was booked or for which a number was set.
///
/// # Errors
/// A failing database.
pub fn capacities_all(conn: &mut Connection) -> Result<Vec<CapacityRow>, StoreError> {
    let rows = capacities::table.order(capacities::name);
    Ok(rows.select(CapacityRow::as_select()).load(conn)?)
}

/// Sets how many may be under way at once; without a number the workflow's holds again. What is decided meanwhile by the former
/// number does not commit.
///
/// # Errors
/// A failing database.
pub fn capacity_set(
    conn: &mut Connection,
    name: &str,
    ceiling: Option<i64>,
    by: &str,
    at: Time,
) -> Result<(), StoreError> {
    let row = capacities::table.filter(capacities::name.eq(name));
    let set = (
        capacities::version.eq(capacities::version + 1),
        capacities::ceiling.eq(ceiling),
        capacities::set_by.eq(by),
        capacities::set_at.eq(at.0),
    );
    if diesel::update(row).set(set).execute(conn)? == 0 {
        let first = CapacityRow {
            name: name.to_owned(),
            version: 1,
            ceiling,
            set_by: Some(by.to_owned()),
            set_at: Some(at.0),
        };
        diesel::insert_into(capacities::table).values(first).execute(conn)?;
    }
    Ok(())
}

/// What is booked of a capacity and not over at a moment, in the order of the beginnings.
///
/// # Errors
/// A failing database.
pub fn bookings_after(conn: &mut Connection, capacity: &str, moment: Time) -> Result<Vec<BookingRow>, StoreError> {
    let rows = bookings::table
        .filter(bookings::capacity.eq(capacity))
        .filter(bookings::until_at.gt(moment.0));
    let order = (bookings::from_at, bookings::instance);
    Ok(rows.order(order).select(BookingRow::as_select()).load(conn)?)
}

/// What is announced of any capacity and shares a moment with a span, in the order of the beginnings. What is not announced is not
/// looked at.
///
/// # Errors
/// A failing database.
pub fn bookings_announced(conn: &mut Connection, span: Span, limit: i64) -> Result<Vec<BookingRow>, StoreError> {
    let rows = bookings::table
        .filter(bookings::shown.is_not_null())
        .filter(bookings::shown.ne(UNKNOWN))
        .filter(bookings::until_at.gt(span.from.0))
        .filter(bookings::from_at.lt(span.until.0));
    let order = (bookings::from_at, bookings::instance);
    Ok(rows
        .order(order)
        .limit(limit)
        .select(BookingRow::as_select())
        .load(conn)?)
}

/// Bookings of which it is not worked out yet what they show.
///
/// # Errors
/// A failing database.
pub fn bookings_unknown(conn: &mut Connection) -> Result<Vec<BookingRow>, StoreError> {
    let rows = bookings::table.filter(bookings::shown.eq(UNKNOWN));
    Ok(rows.select(BookingRow::as_select()).load(conn)?)
}

/// Keeps what a booking shows, where that is still not worked out.
///
/// # Errors
/// A failing database.
pub fn booking_show(conn: &mut Connection, instance: &str, shown: Option<&str>) -> Result<(), StoreError> {
    let row = bookings::table
        .filter(bookings::instance.eq(instance))
        .filter(bookings::shown.eq(UNKNOWN));
    diesel::update(row).set(bookings::shown.eq(shown)).execute(conn)?;
    Ok(())
}
