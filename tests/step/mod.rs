//! Tests: step.
