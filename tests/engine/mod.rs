//! Tests: the write path.

mod backup;
mod deadlines;
mod failing;
mod idempotency;
mod processes;
mod sessions;
mod single;
mod timing;
mod writing;
