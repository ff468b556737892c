//! Tests: performers.

mod documents;
mod mails;
mod outbox;
mod paper;
mod sweeps;
mod templates;
mod world;
