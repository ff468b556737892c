//! Rendered documents and the numbers they carry. Must not render, and must not know who may read them.

use diesel::prelude::*;
use serde::Serialize;

use super::dialect::insert_unless_taken;
use super::schema::{document_numbers, documents};
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `documents`: one rendering, asked for or done.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = documents, treat_none_as_default_value = false)]
pub struct DocumentRow {
    pub id: String,
    pub trade: String,
    pub instance: String,
    pub machine: String,
    pub name: String,
    pub title: String,
    pub revision: i64,
    pub number: Option<String>,
    /// Digest of the PDF in the file store; absent until it is rendered.
    pub sha256: Option<String>,
    pub bytes: Option<i64>,
    pub created_at: i64,
    pub ready_at: Option<i64>,
}

/// One rendering.
///
/// # Errors
/// A failing database.
pub fn document_get(conn: &mut Connection, id: &str) -> Result<Option<DocumentRow>, StoreError> {
    let row = documents::table.find(id).select(DocumentRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// The rendering of one revision.
///
/// # Errors
/// A failing database.
pub fn document_revision(
    conn: &mut Connection,
    instance: &str,
    name: &str,
    revision: i64,
) -> Result<Option<DocumentRow>, StoreError> {
    let row = documents::table
        .filter(documents::instance.eq(instance))
        .filter(documents::name.eq(name))
        .filter(documents::revision.eq(revision));
    Ok(row.select(DocumentRow::as_select()).first(conn).optional()?)
}

/// All finished renderings of an instance, oldest first.
///
/// # Errors
/// A failing database.
pub fn documents_of_instance(conn: &mut Connection, instance: &str) -> Result<Vec<DocumentRow>, StoreError> {
    let rows = documents::table
        .filter(documents::instance.eq(instance))
        .filter(documents::sha256.is_not_null());
    let order = (documents::created_at, documents::name, documents::revision);
    Ok(rows.order(order).select(DocumentRow::as_select()).load(conn)?)
}

/// Notes that a rendering was asked for.
///
/// # Errors
/// `Duplicate` where that revision was noted before.
pub fn document_insert(conn: &mut Connection, row: &DocumentRow) -> Result<(), StoreError> {
    diesel::insert_into(documents::table).values(row).execute(conn)?;
    Ok(())
}

/// Notes that a rendering is done.
///
/// # Errors
/// A failing database.
pub fn document_ready(conn: &mut Connection, id: &str, sha256: &str, bytes: i64, at: Time) -> Result<(), StoreError> {
    let set = (
        documents::sha256.eq(Some(sha256)),
        documents::bytes.eq(Some(bytes)),
        documents::ready_at.eq(Some(at.0)),
    );
    diesel::update(documents::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// The next number of a series, from 1, without gaps: a rolled-back transaction gives its number back.
///
/// # Errors
/// A failing database.
pub fn number_next(conn: &mut Connection, series: &str) -> Result<i64, StoreError> {
    let row = document_numbers::table.find(series);
    let raise = |conn: &mut Connection| {
        let raised = document_numbers::last.eq(document_numbers::last + 1);
        diesel::update(document_numbers::table.find(series))
            .set(raised)
            .execute(conn)
    };
    // The update comes first: on PostgreSQL it locks the row until the transaction ends.
    if raise(conn)? == 0 {
        let first = (document_numbers::series.eq(series), document_numbers::last.eq(1_i64));
        let insert = |conn: &mut Connection| diesel::insert_into(document_numbers::table).values(first).execute(conn);
        if insert_unless_taken(conn, insert)? {
            return Ok(1);
        }
        // Another began the series meanwhile.
        raise(conn)?;
    }
    Ok(row.select(document_numbers::last).first(conn)?)
}
