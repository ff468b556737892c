//! Tests: the store, the same on both databases.

mod accounts;
mod contract;
mod differential;
mod opening;
