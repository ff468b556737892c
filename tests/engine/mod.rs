//! Tests: the write path.

mod idempotency;
mod writing;
