//! Receipts by (actor, key), so that a repeated command is answered and not done again. Must not interpret a receipt.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::idempotency_keys;
use super::{Connection, StoreError, dialect};
use crate::machine::Time;

/// A row of `idempotency_keys`: the receipt of a command, as JSON, and the digest of what it was sent with.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = idempotency_keys)]
pub struct KeyRow {
    pub actor: String,
    pub key: String,
    pub body_sha256: String,
    pub receipt: String,
    pub at: i64,
}

/// What a key was used for.
///
/// # Errors
/// A failing database.
pub fn key_find(conn: &mut Connection, actor: &str, key: &str) -> Result<Option<KeyRow>, StoreError> {
    let row = idempotency_keys::table
        .filter(idempotency_keys::actor.eq(actor))
        .filter(idempotency_keys::key.eq(key));
    Ok(row.select(KeyRow::as_select()).first(conn).optional()?)
}

/// What keys were used for, all looked up at once; those that are new are left out.
///
/// # Errors
/// A failing database.
pub fn keys_find(conn: &mut Connection, keys: &[(&str, &str)]) -> Result<Vec<KeyRow>, StoreError> {
    match keys {
        [] => Ok(Vec::new()),
        [(actor, key)] => Ok(key_find(conn, actor, key)?.into_iter().collect()),
        many => dialect::keys_find(conn, &serde_json::to_string(many)?),
    }
}

/// Keeps the answer of a command that is no event of a trade; the engine writes those of events with their batch.
///
/// # Errors
/// A failing database, or a key that is used already.
pub fn key_insert(conn: &mut Connection, row: &KeyRow) -> Result<(), StoreError> {
    diesel::insert_into(idempotency_keys::table).values(row).execute(conn)?;
    Ok(())
}

/// Forgets keys used before `before`; at least 72 hours must have passed.
///
/// # Errors
/// A failing database.
pub fn keys_forget(conn: &mut Connection, before: Time) -> Result<usize, StoreError> {
    let old = idempotency_keys::table.filter(idempotency_keys::at.lt(before.0));
    Ok(diesel::delete(old).execute(conn)?)
}
