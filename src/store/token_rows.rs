//! Links in mails that act once: only the digest of a token is kept, bound to one account, to-do and act.
//! Must not see the token itself, and must not perform the act.

use diesel::prelude::*;

use super::schema::mail_tokens;
use super::{Connection, StoreError};

/// A row of `mail_tokens`. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = mail_tokens, treat_none_as_default_value = false)]
pub struct TokenRow {
    pub token_sha256: String,
    pub account: String,
    pub instance: String,
    pub todo: String,
    /// `claim`, or an outcome of the to-do.
    pub act: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

/// Keeps a new token.
///
/// # Errors
/// A failing database, or a digest that is there already.
pub fn token_create(conn: &mut Connection, row: &TokenRow) -> Result<(), StoreError> {
    diesel::insert_into(mail_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// The token with this digest, used or not: what a page shows before anything is done.
///
/// # Errors
/// A failing database.
pub fn token_find(conn: &mut Connection, sha256: &str) -> Result<Option<TokenRow>, StoreError> {
    let row = mail_tokens::table.filter(mail_tokens::token_sha256.eq(sha256));
    Ok(row.select(TokenRow::as_select()).first(conn).optional()?)
}

/// Uses a token up and returns it; `None` where it is unknown, used or over.
///
/// # Errors
/// A failing database.
pub fn token_take(conn: &mut Connection, sha256: &str, now: i64) -> Result<Option<TokenRow>, StoreError> {
    let fresh = mail_tokens::table
        .filter(mail_tokens::token_sha256.eq(sha256))
        .filter(mail_tokens::used_at.is_null())
        .filter(mail_tokens::expires_at.gt(now));
    if diesel::update(fresh)
        .set(mail_tokens::used_at.eq(Some(now)))
        .execute(conn)?
        == 0
    {
        return Ok(None);
    }
    token_find(conn, sha256)
}

/// Forgets all tokens of an account: its mailbox is no longer its own.
///
/// # Errors
/// A failing database.
pub fn tokens_of_account_forget(conn: &mut Connection, account: &str) -> Result<usize, StoreError> {
    Ok(diesel::delete(mail_tokens::table.filter(mail_tokens::account.eq(account))).execute(conn)?)
}

/// Forgets tokens that ended before `before`.
///
/// # Errors
/// A failing database.
pub fn tokens_forget(conn: &mut Connection, before: i64) -> Result<usize, StoreError> {
    Ok(diesel::delete(mail_tokens::table.filter(mail_tokens::expires_at.lt(before))).execute(conn)?)
}
