//! Authorities, revocation lists and profiles that an admin added. Must not parse or judge them.

use diesel::prelude::*;

use super::schema::trust_entries;
use super::{Connection, StoreError};

/// A row of `trust_entries`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = trust_entries, treat_none_as_default_value = false)]
pub struct TrustRow {
    pub id: String,
    /// `authority`, `list` or `profile`
    pub kind: String,
    pub sha256: String,
    pub title: String,
    /// PEM, base64 or JSON.
    pub content: String,
    pub added_by: String,
    pub added_at: i64,
    pub removed_by: Option<String>,
    pub removed_at: Option<i64>,
}

/// Adds an entry.
///
/// # Errors
/// `Duplicate` where the same content was added before.
pub fn trust_insert(conn: &mut Connection, row: &TrustRow) -> Result<(), StoreError> {
    diesel::insert_into(trust_entries::table).values(row).execute(conn)?;
    Ok(())
}

/// What counts now, oldest first.
///
/// # Errors
/// A failing database.
pub fn trust_current(conn: &mut Connection) -> Result<Vec<TrustRow>, StoreError> {
    let rows = trust_entries::table
        .filter(trust_entries::removed_at.is_null())
        .order((trust_entries::added_at, trust_entries::id))
        .select(TrustRow::as_select());
    Ok(rows.load(conn)?)
}

/// Lists that whoever added them has replaced by newer ones, the newest first, as many as fit into so many bytes.
///
/// # Errors
/// A failing database.
pub fn trust_superseded(conn: &mut Connection, by: &str, bytes: usize) -> Result<Vec<TrustRow>, StoreError> {
    let ids: Vec<String> = trust_entries::table
        .filter(trust_entries::kind.eq("list"))
        .filter(trust_entries::added_by.eq(by))
        .filter(trust_entries::removed_by.eq(by))
        .order((trust_entries::removed_at.desc(), trust_entries::id))
        .select(trust_entries::id)
        .load(conn)?;
    let (mut rows, mut left) = (Vec::new(), bytes);
    for id in ids {
        let row: TrustRow = trust_entries::table
            .find(id)
            .select(TrustRow::as_select())
            .first(conn)?;
        let Some(rest) = left.checked_sub(row.content.len()) else {
            break;
        };
        left = rest;
        rows.push(row);
    }
    Ok(rows)
}

/// How many entries there are and how many were taken out: changes with every change, also by another process.
///
/// # Errors
/// A failing database.
pub fn trust_version(conn: &mut Connection) -> Result<(i64, i64), StoreError> {
    let all = trust_entries::table.count().get_result(conn)?;
    let removed = trust_entries::table
        .filter(trust_entries::removed_at.is_not_null())
        .count()
        .get_result(conn)?;
    Ok((all, removed))
}

/// The entry with this content, also one that was taken out.
///
/// # Errors
/// A failing database.
pub fn trust_by_digest(conn: &mut Connection, sha256: &str) -> Result<Option<TrustRow>, StoreError> {
    let row = trust_entries::table
        .filter(trust_entries::sha256.eq(sha256))
        .select(TrustRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// Takes an entry out. False where there is none that counts.
///
/// # Errors
/// A failing database.
pub fn trust_remove(conn: &mut Connection, id: &str, by: &str, at: i64) -> Result<bool, StoreError> {
    let row = trust_entries::table
        .filter(trust_entries::id.eq(id))
        .filter(trust_entries::removed_at.is_null());
    let gone = (
        trust_entries::removed_by.eq(Some(by)),
        trust_entries::removed_at.eq(Some(at)),
    );
    Ok(diesel::update(row).set(gone).execute(conn)? == 1)
}

/// Makes room for content that was taken out before and is added again: the old row keeps who and when under another digest.
///
/// # Errors
/// A failing database.
pub fn trust_forget(conn: &mut Connection, sha256: &str) -> Result<(), StoreError> {
    let Some(old) = trust_by_digest(conn, sha256)? else {
        return Ok(());
    };
    diesel::update(trust_entries::table.find(&old.id))
        .set(trust_entries::sha256.eq(format!("{sha256}/{}", old.id)))
        .execute(conn)?;
    Ok(())
}
