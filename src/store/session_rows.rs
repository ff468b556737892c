//! Sessions and refresh tokens. Must not see a token itself: only digests come here.

use diesel::prelude::*;

use super::schema::{refresh_tokens, sessions};
use super::{Connection, StoreError};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionRow {
    pub id: String,
    pub account: String,
    pub version: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
}

/// A row of `refresh_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens, treat_none_as_default_value = false)]
pub struct RefreshRow {
    pub sha256: String,
    pub session: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
}

/// Begins a session.
pub fn session_insert(conn: &mut Connection, row: &SessionRow) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table).values(row).execute(conn)?;
    Ok(())
}

/// The session with an id, ended or not.
pub fn session_by_id(conn: &mut Connection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    Ok(sessions::table
        .find(id)
        .select(SessionRow::as_select())
        .first(conn)
        .optional()?)
}

/// Ends a session; one that has ended keeps its first time.
pub fn session_revoke(conn: &mut Connection, id: &str, at: i64) -> Result<(), StoreError> {
    let open = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::revoked_at.is_null());
    diesel::update(open)
        .set(sessions::revoked_at.eq(Some(at)))
        .execute(conn)?;
    Ok(())
}

/// Drops sessions that ended before `before`, with their tokens.
pub fn session_purge(conn: &mut Connection, before: i64) -> Result<usize, StoreError> {
    let over = sessions::table
        .filter(sessions::expires_at.lt(before))
        .select(sessions::id);
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::session.eq_any(over))).execute(conn)?;
    Ok(diesel::delete(sessions::table.filter(sessions::expires_at.lt(before))).execute(conn)?)
}

/// Keeps the digest of a new refresh token.
pub fn refresh_insert(conn: &mut Connection, row: &RefreshRow) -> Result<(), StoreError> {
    diesel::insert_into(refresh_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// The refresh token with a digest, used or not.
pub fn refresh_by_digest(conn: &mut Connection, sha256: &str) -> Result<Option<RefreshRow>, StoreError> {
    Ok(refresh_tokens::table
        .find(sha256)
        .select(RefreshRow::as_select())
        .first(conn)
        .optional()?)
}

/// Marks a token as used. False where it was used before: then somebody else has it too.
pub fn refresh_use(conn: &mut Connection, sha256: &str, at: i64) -> Result<bool, StoreError> {
    let fresh = refresh_tokens::table.filter(refresh_tokens::sha256.eq(sha256));
    let fresh = fresh.filter(refresh_tokens::used_at.is_null());
    Ok(diesel::update(fresh)
        .set(refresh_tokens::used_at.eq(Some(at)))
        .execute(conn)?
        == 1)
}
