//! Electronic seals and what is known of a rendering's layout. Must not verify a seal: only verified ones come here.

use diesel::prelude::*;

use super::schema::{document_imprints, e_seals};
use super::{Connection, StoreError};

/// A row of `e_seals`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = e_seals, treat_none_as_default_value = false)]
pub struct SealRow {
    pub id: String,
    pub es_id: String,
    pub owner_kind: String,
    pub owner: String,
    pub name: String,
    pub maker: String,
    pub maker_sha256: String,
    pub version: i64,
    pub picture_type: String,
    /// SESeal, base64.
    pub der: String,
    pub valid_from: i64,
    pub valid_to: i64,
    pub test: bool,
    pub imported_by: String,
    pub imported_at: i64,
    pub withdrawn_at: Option<i64>,
    /// SHA-256 of the seal, lower-case hex; empty for those from before it was kept.
    pub digest: String,
    /// When the maker made it.
    pub made_at: i64,
}

/// A row of `document_imprints`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = document_imprints)]
pub struct ImprintRow {
    /// `documents.id`.
    pub document: String,
    pub content_sm3: String,
    /// JSON: places by role.
    pub places: String,
}

/// Keeps a verified seal.
///
/// # Errors
/// `Duplicate` where the very seal is known.
pub fn seal_insert(conn: &mut Connection, row: &SealRow) -> Result<(), StoreError> {
    diesel::insert_into(e_seals::table).values(row).execute(conn)?;
    Ok(())
}

/// The seal with an id, withdrawn or not.
///
/// # Errors
/// A failing database.
pub fn seal_get(conn: &mut Connection, id: &str) -> Result<Option<SealRow>, StoreError> {
    let row = e_seals::table.find(id).select(SealRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// The seals of an owner that are not withdrawn, newest first.
///
/// # Errors
/// A failing database.
pub fn seals_of(conn: &mut Connection, kind: &str, owner: &str) -> Result<Vec<SealRow>, StoreError> {
    let rows = e_seals::table
        .filter(e_seals::owner_kind.eq(kind))
        .filter(e_seals::owner.eq(owner))
        .filter(e_seals::withdrawn_at.is_null());
    let order = (e_seals::imported_at.desc(), e_seals::id);
    Ok(rows.order(order).select(SealRow::as_select()).load(conn)?)
}

/// All seals of an owner under one number, also those that are over, newest first.
///
/// # Errors
/// A failing database.
pub fn seals_numbered(
    conn: &mut Connection,
    (kind, owner): (&str, &str),
    es_id: &str,
) -> Result<Vec<SealRow>, StoreError> {
    let rows = e_seals::table
        .filter(e_seals::owner_kind.eq(kind))
        .filter(e_seals::owner.eq(owner))
        .filter(e_seals::es_id.eq(es_id));
    let order = (e_seals::imported_at.desc(), e_seals::id);
    Ok(rows.order(order).select(SealRow::as_select()).load(conn)?)
}

/// Takes a seal out of use; false where it was already.
///
/// # Errors
/// A failing database.
pub fn seal_withdraw(conn: &mut Connection, id: &str, at: i64) -> Result<bool, StoreError> {
    let row = e_seals::table.find(id).filter(e_seals::withdrawn_at.is_null());
    let set = e_seals::withdrawn_at.eq(Some(at));
    Ok(diesel::update(row).set(set).execute(conn)? == 1)
}

/// Notes where roles seal a rendering; a repeated rendering says the same again.
///
/// # Errors
/// A failing database.
pub fn imprint_put(conn: &mut Connection, row: &ImprintRow) -> Result<(), StoreError> {
    if imprint_get(conn, &row.document)?.is_none() {
        diesel::insert_into(document_imprints::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

/// Where roles seal a rendering.
///
/// # Errors
/// A failing database.
pub fn imprint_get(conn: &mut Connection, document: &str) -> Result<Option<ImprintRow>, StoreError> {
    let row = document_imprints::table.find(document).select(ImprintRow::as_select());
    Ok(row.first(conn).optional()?)
}
