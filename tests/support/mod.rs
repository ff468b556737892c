//! Tests: support.
pub mod app;
