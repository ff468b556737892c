//! Tests: the write path.

mod backup;
mod deadlines;
mod failing;
mod idempotency;
mod processes;
mod single;
mod timing;
mod writing;
