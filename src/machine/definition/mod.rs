//! From YAML files to a checked bundle of machines. Pure: files come in as text, faults go out with line and column.

mod check;
mod compile;
mod decode;
pub mod diagnostic;
pub mod diagram;
pub(in crate::machine) mod locate;
pub mod model;

mod raw;
pub mod source;

pub use compile::{Checked, check, compile, digest};
pub use diagnostic::{Diagnostic, Severity};
