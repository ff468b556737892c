//! Tests: definitions.
