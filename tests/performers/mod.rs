//! Tests: performers.
