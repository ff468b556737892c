//! Tests: the write path.

mod deadlines;
mod idempotency;
mod writing;
