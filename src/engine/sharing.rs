//! Trades that other processes move too: locking them, and catching up with what became of them. Must not decide.

use std::collections::BTreeSet;

use super::common::Common;
use super::gather::number_of;
use super::loading::{place, refreshed};
use super::{EngineError, Request, Submission};
use crate::machine::trade::InstanceId;
use crate::store::{Connection, StoreError, dialect};

/// What keeps a trade from being caught up with, as the error of the transaction that wants it.
fn store_error(error: EngineError) -> StoreError {
    match error {
        EngineError::Store(error) => error,
        EngineError::UnknownBundle(bundle) => StoreError::Corrupt(format!("a trade's bundle is gone: {bundle}")),
        other => StoreError::NotCommitted(other.to_string()),
    }
}

/// Trades that are this process's until the transaction ends.
pub(super) struct Locked {
    /// Their ids; none on SQLite, which has one writer.
    pub trades: Vec<String>,
    /// Another process had moved one.
    pub moved: bool,
}

/// Locks the trades and brings what is held of them up to what is stored.
pub(super) fn lock_trades(
    common: &Common,
    conn: &mut Connection,
    submissions: &[&Submission],
) -> Result<Locked, StoreError> {
    let mut wanted = BTreeSet::new();
    for submission in submissions {
        if let Request::Offer { instance, .. } = &submission.request {
            wanted.extend(place(common, conn, instance)?);
        }
    }
    let ids: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
    let mut locked = Locked {
        trades: Vec::new(),
        moved: false,
    };
    for (id, seq) in dialect::trades_lock(conn, &ids)? {
        locked.moved |= catch_up(common, conn, &id.as_str().into(), seq).map_err(store_error)?;
        locked.trades.push(id);
    }
    Ok(locked)
}

/// What is held of a trade is brought up to what is stored, where another process has moved it to `seq`. True where one had.
///
/// # Errors
/// A failing store.
fn catch_up(common: &Common, conn: &mut Connection, id: &InstanceId, seq: i64) -> Result<bool, EngineError> {
    let Some(held) = common.cache.get(id).filter(|held| number_of(held.trade.seq) != seq) else {
        return Ok(false);
    };
    match refreshed(common, conn, &held)? {
        Some(held) => common.cache.put(&held),
        None => common.cache.forget(id),
    }
    Ok(true)
}
