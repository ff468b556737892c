//! Resolves roles: who may act, and whom a to-do or a mail concerns. Must not know accounts or addresses.

use super::definition::model::Bundle;
use super::step::Actor;
use super::trade::{Instance, Trade};
use super::value::Name;

/// An addressee without a person: `post:clerk@{organisation}`, `party:{id}`, `service:bank`, `member`, `public`.
/// To-do rows and mails carry these; accounts carry the same keys, so that "my to-dos" is one indexed query.
pub type Audience = Name;

/// True where the actor stands in the role's relation to the instance.
pub fn holds(_bundle: &Bundle, _trade: &Trade, _instance: &Instance, _role: &str, _actor: &Actor) -> bool {
    false
}

/// Everyone who stands in the role's relation to the instance.
pub fn audience(_bundle: &Bundle, _trade: &Trade, _instance: &Instance, _role: &str) -> Vec<Audience> {
    Vec::new()
}

/// The audiences an actor belongs to.
pub fn audiences_of(_actor: &Actor) -> Vec<Audience> {
    Vec::new()
}
