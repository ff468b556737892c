//! Tests: definitions.

mod expressions;
