//! The append-only history. Must not verify: `machine::history` knows how entries hang together.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{history, moves};
use super::{Connection, StoreError};
use crate::machine::Time;
use crate::machine::history::{Entry, Taken};

/// A row of `history`: one entry; `seq` counts from 1 within the trade, the parts are JSON.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = history, treat_none_as_default_value = false)]
pub struct HistoryRow {
    pub trade: String,
    pub seq: i64,
    pub instance: String,
    pub event: String,
    pub at: i64,
    pub public: String,
    pub public_salt: String,
    pub private: Option<String>,
    pub private_salt: Option<String>,
    pub private_commitment: String,
    pub prev: String,
    pub hash: String,
}

/// An entry in which an instance changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = moves)]
pub struct MoveRow {
    pub instance: String,
    pub seq: i64,
    pub at: i64,
    /// The instance's own transitions, as JSON.
    pub taken: String,
}

impl MoveRow {
    /// The instance's transitions, in their order.
    ///
    /// # Errors
    /// Content that cannot be read back.
    pub fn transitions(&self) -> Result<Vec<Taken>, StoreError> {
        Ok(serde_json::from_str(&self.taken)?)
    }
}

impl HistoryRow {
    /// The entry; without its private part where that has been erased.
    ///
    /// # Errors
    /// Content that cannot be read back.
    pub fn entry(&self) -> Result<Entry, StoreError> {
        Ok(Entry {
            seq: u64::try_from(self.seq).map_err(|_| StoreError::Corrupt("negative seq".into()))?,
            at: Time(self.at),
            public: serde_json::from_str(&self.public)?,
            private: self.private.as_deref().map(serde_json::from_str).transpose()?,
            public_salt: self.public_salt.as_str().into(),
            private_salt: self.private_salt.as_deref().map(Into::into),
            private_commitment: self.private_commitment.as_str().into(),
            hash: self.hash.as_str().into(),
            prev: self.prev.as_str().into(),
        })
    }
}

/// Rows of a trade after `after`, in their order.
///
/// # Errors
/// A failing database.
pub fn history_after(
    conn: &mut Connection,
    trade: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<HistoryRow>, StoreError> {
    let rows = history::table
        .filter(history::trade.eq(trade))
        .filter(history::seq.gt(after));
    Ok(rows
        .order(history::seq)
        .limit(limit)
        .select(HistoryRow::as_select())
        .load(conn)?)
}

/// Entries after `after` in which an instance changed its state, in their order. What else happened in its trade is not looked at, so that
/// it costs no time.
///
/// # Errors
/// A failing database.
pub fn moves_after(conn: &mut Connection, instance: &str, after: i64, limit: i64) -> Result<Vec<MoveRow>, StoreError> {
    let rows = moves::table
        .filter(moves::instance.eq(instance))
        .filter(moves::seq.gt(after));
    Ok(rows
        .order(moves::seq)
        .limit(limit)
        .select(MoveRow::as_select())
        .load(conn)?)
}

/// True where this very entry is durable: asked after a commit whose outcome is unknown.
///
/// # Errors
/// A failing database.
pub fn history_holds(conn: &mut Connection, trade: &str, seq: i64, hash: &str) -> Result<bool, StoreError> {
    let row = history::table
        .filter(history::trade.eq(trade))
        .filter(history::seq.eq(seq));
    let found: Option<String> = row.select(history::hash).first(conn).optional()?;
    Ok(found.as_deref() == Some(hash))
}
