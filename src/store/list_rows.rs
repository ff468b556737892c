//! What lists are read from: instances and their listed fields, page by page. Must not decide who may see a row.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::incident_rows::IncidentRow;
use super::schema::{incidents, instance_fields, instances, todo_audience, todos};
use super::todo_rows::TodoRow;
use super::{Connection, StoreError};

diesel::define_sql_function! {
    fn lower(x: Nullable<Text>) -> Nullable<Text>;
}

/// What a list of instances shows of one before its trade is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = instances)]
pub struct ListedRow {
    pub id: String,
    pub trade: String,
    pub machine: String,
    pub done: bool,
    pub opened_at: i64,
}

/// Where a page begins: after the row with this key and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub key: i64,
    pub id: String,
}

/// A listed field and the value it must have: equal as text or as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFilter {
    pub field: String,
    pub value: String,
}

/// What instances a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub roots_of: Option<Vec<String>>,
    pub machine: Option<String>,
    pub owner: Option<String>,
    pub fields: Vec<FieldFilter>,
    /// Part of the text of any listed field, upper and lower case alike.
    pub text: Option<String>,
}

/// Instances that match, newest first.
///
/// # Errors
/// A failing database.
pub fn instance_page(
    conn: &mut Connection,
    filter: &Filter,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    let mut query = instances::table.select(ListedRow::as_select()).into_boxed();
    if let Some(machines) = &filter.roots_of {
        query = query
            .filter(instances::parent.is_null())
            .filter(instances::machine.eq_any(machines.clone()));
    }
    if let Some(machine) = &filter.machine {
        query = query.filter(instances::machine.eq(machine.clone()));
    }
    if let Some(owner) = &filter.owner {
        query = query.filter(instances::owner.eq(owner.clone()));
    }
    for FieldFilter { field, value } in &filter.fields {
        let number = value.parse::<i64>().ok();
        let holders = instance_fields::table
            .filter(instance_fields::field.eq(field.clone()))
            .filter(
                instance_fields::text
                    .eq(Some(value.clone()))
                    .or(instance_fields::number.eq(number)),
            );
        query = query.filter(instances::id.eq_any(holders.select(instance_fields::instance)));
    }
    if let Some(text) = &filter.text {
        let pattern = format!("%{}%", escaped(&text.to_lowercase()));
        let holders = instance_fields::table.filter(lower(instance_fields::text).like(pattern).escape('!'));
        query = query.filter(instances::id.eq_any(holders.select(instance_fields::instance)));
    }
    if let Some(After { key, id }) = after {
        let same = instances::opened_at.eq(*key).and(instances::id.lt(id.clone()));
        query = query.filter(instances::opened_at.lt(*key).or(same));
    }
    Ok(query
        .order((instances::opened_at.desc(), instances::id.desc()))
        .limit(limit)
        .load(conn)?)
}

/// The instance of a machine whose listed field has this text, the living one first.
///
/// # Errors
/// A failing database.
pub fn instance_by_field(
    conn: &mut Connection,
    machine: &str,
    field: &str,
    text: &str,
) -> Result<Option<ListedRow>, StoreError> {
    let holders = instance_fields::table
        .filter(instance_fields::machine.eq(machine))
        .filter(instance_fields::field.eq(field))
        .filter(instance_fields::text.eq(Some(text)))
        .select(instance_fields::instance);
    let rows = instances::table
        .filter(instances::id.eq_any(holders))
        .select(ListedRow::as_select());
    Ok(rows
        .order((instances::done.asc(), instances::opened_at.desc()))
        .first(conn)
        .optional()?)
}

/// Open to-dos of any of the audiences: by due date, those without one last. `After::key` is the due date, or `i64::MAX`.
///
/// # Errors
/// A failing database.
pub fn todo_page(
    conn: &mut Connection,
    audiences: &[String],
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<TodoRow>, StoreError> {
    let mine = || {
        let concerned = todo_audience::table.filter(todo_audience::audience.eq_any(audiences.to_vec()));
        todos::table
            .filter(todos::status.eq("open"))
            .filter(todos::id.eq_any(concerned.select(todo_audience::todo)))
            .select(TodoRow::as_select())
            .into_boxed()
    };
    let mut rows: Vec<TodoRow> = Vec::new();
    if after.is_none_or(|after| after.key < i64::MAX) {
        let mut query = mine().filter(todos::due_at.is_not_null());
        if let Some(After { key, id }) = after {
            let same = todos::due_at.eq(Some(*key)).and(todos::id.gt(id.clone()));
            query = query.filter(todos::due_at.gt(Some(*key)).or(same));
        }
        rows = query
            .order((todos::due_at.asc(), todos::id.asc()))
            .limit(limit)
            .load(conn)?;
    }
    let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
    if left > 0 {
        let mut query = mine().filter(todos::due_at.is_null());
        if let Some(After { id, .. }) = after.filter(|after| after.key == i64::MAX) {
            query = query.filter(todos::id.gt(id.clone()));
        }
        rows.extend(query.order(todos::id.asc()).limit(left).load::<TodoRow>(conn)?);
    }
    Ok(rows)
}

/// Incidents, open ones or all, newest first.
///
/// # Errors
/// A failing database.
pub fn incident_page(conn: &mut Connection, after: Option<&After>, limit: i64) -> Result<Vec<IncidentRow>, StoreError> {
    let mut query = incidents::table.select(IncidentRow::as_select()).into_boxed();
    if let Some(After { key, id }) = after {
        let same = incidents::opened_at.eq(*key).and(incidents::id.lt(id.clone()));
        query = query.filter(incidents::opened_at.lt(*key).or(same));
    }
    Ok(query
        .order((incidents::opened_at.desc(), incidents::id.desc()))
        .limit(limit)
        .load(conn)?)
}

/// What a person typed is searched for as it stands: `%` and `_` mean nothing.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}
