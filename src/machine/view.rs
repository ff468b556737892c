//! What an actor may read of an instance. Closed unless the definition opens it. Must not know HTTP.

use super::definition::model::Bundle;
use super::step::Actor;
use super::trade::{Instance, Trade};
use super::value::Value;

/// The instance as the actor may see it, or `None` where they may not know that it exists.
pub fn view(_bundle: &Bundle, _trade: &Trade, _instance: &Instance, _actor: &Actor) -> Option<Value> {
    None
}
