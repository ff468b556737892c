//! Postings of the double-entry ledger. Must not compute: `crate::ledger` does.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::ledger_postings;
use super::{Connection, StoreError};

/// A row of `ledger_postings`: one of the two lines of a movement, under the history length after its step.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = ledger_postings, treat_none_as_default_value = false)]
pub struct PostingRow {
    pub trade: String,
    pub seq: i64,
    pub line: i64,
    pub instance: String,
    pub movement: String,
    pub account: String,
    /// Fen.
    pub amount: i64,
    pub reference: Option<String>,
    pub at: i64,
}

/// All postings of a trade, in their order.
///
/// # Errors
/// A failing database.
pub fn postings_of_trade(conn: &mut Connection, trade: &str) -> Result<Vec<PostingRow>, StoreError> {
    let rows = ledger_postings::table.filter(ledger_postings::trade.eq(trade));
    let order = (ledger_postings::seq, ledger_postings::line);
    Ok(rows.order(order).select(PostingRow::as_select()).load(conn)?)
}
