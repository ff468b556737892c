//! Stored deadlines. Must not fire anything: the rows only say which trades to look at.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{timers, todos};
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `timers`: one armed deadline. It is live unless it is frozen, provisional or held, or its instance has ended.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, AsChangeset, Serialize)]
#[diesel(table_name = timers)]
pub struct TimerRow {
    pub instance: String,
    pub name: String,
    pub trade: String,
    pub generation: i64,
    pub due_at: i64,
    pub live: bool,
    pub provisional: bool,
}

/// The key of a timer that is no longer armed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TimerKey {
    pub instance: String,
    pub name: String,
}

/// Live timers due at `now`, the longest overdue first.
///
/// # Errors
/// A failing database.
pub fn timers_due(conn: &mut Connection, now: Time, limit: i64) -> Result<Vec<TimerRow>, StoreError> {
    let due = timers::table.filter(timers::live).filter(timers::due_at.le(now.0));
    let order = (timers::due_at, timers::instance, timers::name);
    Ok(due.order(order).limit(limit).select(TimerRow::as_select()).load(conn)?)
}

/// When the next live timer is due, of those due later than `after`.
///
/// # Errors
/// A failing database.
pub fn timer_next(conn: &mut Connection, after: Time) -> Result<Option<Time>, StoreError> {
    let next = timers::table
        .filter(timers::live)
        .filter(timers::due_at.gt(after.0))
        .order(timers::due_at)
        .select(timers::due_at);
    let next: Option<i64> = next.first(conn).optional()?;
    Ok(next.map(Time))
}

/// Trades with a deadline that rests on an unpublished calendar year.
///
/// # Errors
/// A failing database.
pub fn timers_provisional(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let by_timer = timers::table.filter(timers::provisional).select(timers::trade);
    let mut trades: Vec<String> = by_timer.distinct().load(conn)?;
    // A to-do that is only reminded of has a due date, but no timer.
    let open = todos::table.filter(todos::provisional).filter(todos::status.eq("open"));
    trades.extend(open.select(todos::trade).distinct().load::<String>(conn)?);
    trades.sort();
    trades.dedup();
    Ok(trades)
}

/// All timers of a trade, by instance and name.
///
/// # Errors
/// A failing database.
pub fn timers_of_trade(conn: &mut Connection, trade: &str) -> Result<Vec<TimerRow>, StoreError> {
    let rows = timers::table.filter(timers::trade.eq(trade));
    Ok(rows
        .order((timers::instance, timers::name))
        .select(TimerRow::as_select())
        .load(conn)?)
}
