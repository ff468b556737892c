//! What must hold after every scenario, whatever it was about: the history proves the trade, and the money adds up.

use super::stage::Stage;
use crate::machine::Trade;
use crate::machine::history;

/// Verifies the chain, replays it, and looks at the ledger.
pub fn hold(stage: &Stage<'_>) -> Result<(), String> {
    let Some(trade) = &stage.trade else {
        return Ok(());
    };
    let head = history::verify(&stage.entries).map_err(|broken| format!("the history does not verify: {broken:?}"))?;
    if head != trade.head {
        return Err("the trade does not end where its history ends".into());
    }
    let replayed = history::replay(stage.bundle, &stage.calendars, &stage.entries)
        .map_err(|broken| format!("the history does not replay: {broken:?}"))?
        .ok_or("the history replays to no trade")?;
    // Time may have passed since the last entry without anything happening.
    let (stored, again) = (history::canonical(trade), history::canonical(&replayed));
    if stored != again {
        return Err("replaying the history gives another trade".into());
    }
    let sum: i64 = stage.balances.values().sum();
    if sum != 0 {
        return Err(format!("the ledger sums to {sum} fen instead of zero"));
    }
    let ended = trade.root().is_some_and(|root| root.done);
    let open = stage.balances.iter().find(|(account, balance)| {
        ended && **balance != 0 && stage.cast.settled.iter().any(|name| **name == ***account)
    });
    match open {
        Some((account, balance)) => Err(format!("the trade has ended with {balance} fen in `{account}`")),
        None => Ok(()),
    }
}

/// A trade that is stored and loaded between two events is the same trade.
pub fn same_after_storing(trade: &Trade) -> Result<(), String> {
    let text = serde_json::to_string(trade).map_err(|error| format!("the trade cannot be stored: {error}"))?;
    let loaded: Trade = serde_json::from_str(&text).map_err(|error| format!("the trade cannot be loaded: {error}"))?;
    if loaded == *trade {
        Ok(())
    } else {
        Err("the trade is another one after storing and loading".into())
    }
}
