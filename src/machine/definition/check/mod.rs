//! Semantic checks over a whole bundle: what compiles and still cannot be meant. Must not change the model.

use std::collections::BTreeMap;

use super::compile::{Declarations, Outline, Sources};
use super::diagnostic::Diagnostic;
use super::model::Machine;
use crate::machine::value::Name;

/// Runs all checks.
pub fn check(
    _sources: &Sources,
    _outlines: &[Outline<'_>],
    _declared: &Declarations,
    _machines: &BTreeMap<Name, Machine>,
    _found: &mut Vec<Diagnostic>,
) {
}
