//! From YAML files to a checked bundle of machines. Pure: files come in as text, faults go out with line and column.

pub mod model;
