//! Machines of which a party may have one open at a time: whether there is another. Must not refuse anything: the desk does.

use std::collections::BTreeMap;

use super::desk::Worked;
use crate::machine::Trade;
use crate::machine::trade::InstanceId;
use crate::store::trade_rows::roots_open;
use crate::store::{Connection, StoreError};

/// True where the owner of a new trade has another one of its machine open: committed, or opened in this batch. Only roots of
/// machines of which a party may have one at a time have an owner. Two processes that open at the very same instant do not see
/// each other's: this keeps people from piling up trades, it is no rule of the trade.
///
/// # Errors
/// A failing database.
pub(super) fn is_open_already(
    conn: &mut Connection,
    on_desk: &BTreeMap<InstanceId, Worked>,
    opened: &Trade,
) -> Result<bool, StoreError> {
    let Some((root, owner)) = opened.root().and_then(|root| Some((root, root.owner.as_ref()?))) else {
        return Ok(false);
    };
    let of_batch = |worked: &Worked| {
        let other = worked.trade.root();
        other.is_some_and(|other| !other.done && other.machine == root.machine && other.owner.as_ref() == Some(owner))
    };
    if on_desk.values().any(of_batch) {
        return Ok(true);
    }
    // What this batch has ended is not open any more.
    let ended = |id: &String| {
        let worked = on_desk.get(id.as_str());
        worked
            .and_then(|worked| worked.trade.root())
            .is_some_and(|root| root.done)
    };
    Ok(!roots_open(conn, &root.machine, owner)?.iter().all(ended))
}
