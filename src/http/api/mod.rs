//! One file per resource: parse, call a service, present. Must not hold SQL or rules of a trade.
//!
//! Each handler names the problems of its own. What stands before every route (`guard`, `extract`) says besides: `unauthenticated`,
//! `forbidden`, `idempotency_key_required`, `invalid_json` and the like.

pub mod accounts;
pub mod auth;
pub mod calendars;
pub mod capacities;
pub mod certificates;
pub mod definitions;
pub mod documents;
pub mod files;
pub mod health;
pub mod hooks;
pub mod incidents;
pub mod instances;
pub mod ledger;
pub mod listings;
pub mod live;
pub mod me;
pub mod mine;
pub mod organisations;
pub mod receipts;
pub mod records;
pub mod schedule;
pub mod sealings;
pub mod soft_token;
pub mod todos;
pub mod trust;
pub mod verify;
