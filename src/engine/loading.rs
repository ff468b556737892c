//! Finds committed trades: in memory, or in the store. Must not decide, and must not put anything into memory.

use std::sync::Arc;

use super::EngineError;
use super::cache::{Checked, Held};
use super::common::Common;
use super::records::heads;
use crate::machine::trade::InstanceId;
use crate::store::trade_rows::{StoredTrade, instance_trade, trade_load, trade_refresh};
use crate::store::{Connection, StoreError};

/// The trade of an instance, from memory or from the store.
pub(super) fn place(
    common: &Common,
    conn: &mut Connection,
    instance: &InstanceId,
) -> Result<Option<InstanceId>, StoreError> {
    match common.cache.place(instance) {
        Some(id) => Ok(Some(id)),
        None => instance_trade(conn, instance),
    }
}

/// A committed trade, from memory or from the store.
pub(super) fn load(common: &Common, conn: &mut Connection, id: &InstanceId) -> Result<Option<Arc<Held>>, EngineError> {
    match common.cache.get(id) {
        Some(held) => Ok(Some(held)),
        None => load_stored(common, conn, id),
    }
}

/// A committed trade from the store.
pub(super) fn load_stored(
    common: &Common,
    conn: &mut Connection,
    id: &InstanceId,
) -> Result<Option<Arc<Held>>, EngineError> {
    let stored = trade_load(conn, id)?;
    stored.map(|stored| held(common, conn, stored)).transpose()
}

/// A held trade as it is stored by now.
pub(super) fn refreshed(common: &Common, conn: &mut Connection, old: &Held) -> Result<Option<Arc<Held>>, EngineError> {
    let stored = trade_refresh(conn, &old.trade, &old.counters)?;
    stored.map(|stored| held(common, conn, stored)).transpose()
}

/// What was read of a trade, with what a writer needs beside it.
fn held(common: &Common, conn: &mut Connection, stored: StoredTrade) -> Result<Arc<Held>, EngineError> {
    let bundle = common.library.pinned(conn, &stored.trade.bundle)?;
    let heads = heads(conn, &bundle, &stored.trade)?;
    Ok(Arc::new(Held {
        trade: Arc::new(stored.trade),
        bundle,
        counters: stored.counters,
        heads,
        checked: Checked::now(),
    }))
}
