//! Tests: the write path.

mod backup;
mod deadlines;
mod failing;
mod idempotency;
mod processes;
mod timing;
mod writing;
