//! Tests: openness.
