//! Published bundles as text. Must not compile them: `engine::library` does.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;

use super::schema::definitions;
use super::{Connection, StoreError};

/// A row of `definitions`: one version of a bundle, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = definitions)]
pub struct DefinitionRow {
    pub name: String,
    pub version: String,
    pub sha256: String,
    pub title: String,
    /// `{path: text}` in JSON.
    pub files: String,
    pub published_at: i64,
    pub published_by: String,
}

/// A published bundle without its files.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct DefinitionHead {
    pub name: String,
    pub version: String,
    pub sha256: String,
    pub title: String,
    pub published_at: i64,
    pub published_by: String,
}

/// All published bundles, in the order in which they were published.
///
/// # Errors
/// A failing database.
pub fn definitions_all(conn: &mut Connection) -> Result<Vec<DefinitionHead>, StoreError> {
    let heads = definitions::table.select((
        definitions::name,
        definitions::version,
        definitions::sha256,
        definitions::title,
        definitions::published_at,
        definitions::published_by,
    ));
    let order = (definitions::published_at, definitions::name, definitions::version);
    Ok(heads.order(order).load(conn)?)
}

/// One published bundle's row.
///
/// # Errors
/// A failing database.
pub fn definition_get(conn: &mut Connection, name: &str, version: &str) -> Result<Option<DefinitionRow>, StoreError> {
    let row = definitions::table
        .filter(definitions::name.eq(name))
        .filter(definitions::version.eq(version));
    Ok(row.select(DefinitionRow::as_select()).first(conn).optional()?)
}

/// The files of a published bundle.
///
/// # Errors
/// Content that cannot be read back.
pub fn definition_files(row: &DefinitionRow) -> Result<BTreeMap<String, String>, StoreError> {
    Ok(serde_json::from_str(&row.files)?)
}

/// Publishes a bundle.
///
/// # Errors
/// `Duplicate` where this version exists.
pub fn definition_insert(conn: &mut Connection, row: &DefinitionRow) -> Result<(), StoreError> {
    diesel::insert_into(definitions::table).values(row).execute(conn)?;
    Ok(())
}
