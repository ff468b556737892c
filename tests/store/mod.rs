//! Tests: store.

mod accounts;
