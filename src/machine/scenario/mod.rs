//! Scenario files: given, when, then over `decide`, with time travel and coverage. Pure: files come in as text.
//! Must not do what the live path does otherwise: every step is an input to `decide`, every effect is answered as its performer would.

mod actors;
mod coverage;
mod expect;
pub mod literal;
mod occupied;
mod opening;
mod play;
mod proof;
mod reading;
mod signing;
mod source;
mod stage;
mod weather;
mod years;

use std::collections::BTreeMap;

use serde::Serialize;

pub use coverage::{Coverage, MachineCoverage};
pub use reading::Fault;

use super::calendar::Calendars;
use super::definition::model::Bundle;

/// What came of a run over scenario files.
#[derive(Debug, Serialize)]
pub struct Report {
    pub scenarios: Vec<Outcome>,
    pub coverage: Coverage,
}

/// What came of one scenario.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub name: String,
    pub title: String,
    pub file: String,
    pub line: u32,
    /// How many inputs were decided, timers included.
    pub decisions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl Report {
    /// True where every scenario held.
    pub fn held(&self) -> bool {
        self.scenarios.iter().all(|outcome| outcome.fault.is_none())
    }
}

/// Runs the scenarios of `files` (path to text; what does not end in `.test.yaml` is left alone) whose name contains `filter`.
///
/// # Errors
/// A file that cannot be read as scenarios; a scenario that fails is part of the report.
pub fn run(
    bundle: &Bundle,
    calendars: &Calendars,
    files: &BTreeMap<String, String>,
    filter: Option<&str>,
) -> Result<Report, Vec<Fault>> {
    let scenarios = source::read(files)?;
    let mut coverage = coverage::Seen::default();
    let mut outcomes = Vec::new();
    for scenario in &scenarios {
        if filter.is_some_and(|filter| !scenario.name.contains(filter)) {
            continue;
        }
        let mut stage = stage::Stage::new(bundle, calendars, scenario);
        let fault = play::play(&mut stage, scenario).err();
        coverage.add(&stage.seen);
        outcomes.push(Outcome {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            file: scenario.place.file.to_string(),
            line: scenario.place.line,
            decisions: stage.decisions,
            fault,
        });
    }
    Ok(Report {
        scenarios: outcomes,
        coverage: coverage.over(bundle),
    })
}
