//! The auction room: its rules against an independent model, and what the engine promises of deadlines, failures and order.

mod chronicle;
mod closing;
mod edge;
pub mod hall;
mod linear;
mod neighbours;
mod recovery;
mod rules;
mod same;
