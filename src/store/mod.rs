//! All SQL. Backend differences stand in `dialect.rs` and nowhere else.
