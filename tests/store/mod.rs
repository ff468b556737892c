//! Tests: the store, the same on both databases.

mod accounts;
mod bookings;
mod contract;
mod differential;
mod moves;
mod opening;
