//! One file per resource: parse, call a service, present. Must not hold SQL or rules of a trade.

pub mod accounts;
pub mod auth;
pub mod health;
pub mod me;
pub mod organisations;
