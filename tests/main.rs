//! The one integration binary. One module per room of `src/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod auction;
mod carriers;
mod conformance;
mod definitions;
mod engine;
mod http;
mod kill;
mod openness;
mod performers;
mod record;
mod seal;
mod sealing;
mod serve;
mod step;
mod store;
mod structure;
mod support;
mod trust;
mod workflows;
