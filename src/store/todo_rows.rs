//! To-dos and whom they concern. Must not know accounts.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{todo_audience, todos};
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `todos`, open or past.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = todos, treat_none_as_default_value = false)]
pub struct TodoRow {
    pub id: String,
    pub trade: String,
    pub instance: String,
    pub machine: String,
    pub state: String,
    pub name: String,
    pub entry: i64,
    pub opened_at: i64,
    pub due_at: Option<i64>,
    pub provisional: bool,
    pub claimed_by: Option<String>,
    pub frozen: bool,
    /// `open`, `done` or `cancelled`.
    pub status: String,
    pub outcome: Option<String>,
    pub closed_at: Option<i64>,
    pub closed_by: Option<String>,
}

/// A row of `todo_audience`: whom an open to-do concerns, such as `post:clerk@…` or `party:…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = todo_audience)]
pub struct AudienceRow {
    pub todo: String,
    pub audience: String,
}

/// One to-do.
///
/// # Errors
/// A failing database.
pub fn todo_get(conn: &mut Connection, id: &str) -> Result<Option<TodoRow>, StoreError> {
    let row = todos::table.filter(todos::id.eq(id)).select(TodoRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// Open to-dos that concern any of the audiences, the earliest due first, those without a due date last.
///
/// # Errors
/// A failing database.
pub fn todos_open_for(conn: &mut Connection, audiences: &[String], limit: i64) -> Result<Vec<TodoRow>, StoreError> {
    let concerned = todo_audience::table
        .filter(todo_audience::audience.eq_any(audiences))
        .select(todo_audience::todo);
    let rows = todos::table
        .filter(todos::status.eq("open"))
        .filter(todos::id.eq_any(concerned));
    let order = (todos::due_at.is_null(), todos::due_at, todos::id);
    Ok(rows.order(order).limit(limit).select(TodoRow::as_select()).load(conn)?)
}

/// Open to-dos that are due by `until` and do not stand still.
///
/// # Errors
/// A failing database.
pub fn todos_due(conn: &mut Connection, until: Time) -> Result<Vec<TodoRow>, StoreError> {
    let rows = todos::table
        .filter(todos::status.eq("open"))
        .filter(todos::frozen.eq(false))
        .filter(todos::due_at.le(until.0));
    Ok(rows
        .order((todos::due_at, todos::id))
        .select(TodoRow::as_select())
        .load(conn)?)
}
