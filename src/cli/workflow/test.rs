//! `luochui workflow test`: plays the scenario files of a bundle and says where one does not hold. Must not judge coverage: it tells it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::folder::{calendar_files, read_bundle};
use super::Place;
use crate::machine::Bundle;
use crate::machine::calendar::Calendars;
use crate::machine::definition::compile;
use crate::machine::scenario::{self, Report};

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    /// Only scenarios whose name contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Also list the states and transitions that no scenario reached.
    #[arg(long)]
    coverage: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Folder with `calendars/`; by default the one the bundle stands in.
    #[arg(long)]
    workflows: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let folder = &options.place.folder;
    let bundle = compiled(folder, &options.place.templates)?;
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let workflows = options.workflows.as_deref().or(beside).unwrap_or(Path::new("."));
    let calendars = published(workflows)?;
    let files = scenario_files(folder)?;
    if files.is_empty() {
        return Err(Failure(format!("{} holds no *.test.yaml", folder.display())));
    }
    let report = scenario::run(&bundle, &calendars, &files, options.filter.as_deref()).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure(lines.join("\n"))
    })?;
    print(options, &report)?;
    let failed = report
        .scenarios
        .iter()
        .filter(|outcome| outcome.fault.is_some())
        .count();
    match (failed, report.scenarios.len()) {
        (0, 0) => Err(Failure("no scenario has such a name".into())),
        (0, _) => Ok(()),
        (failed, all) => Err(Failure(format!("{failed} of {all} scenarios did not hold"))),
    }
}

fn compiled(folder: &Path, templates: &Path) -> Result<Bundle, Failure> {
    let files = read_bundle(folder, templates)?;
    compile(&files).map_err(|faults| {
        let shown: Vec<String> = faults
            .iter()
            .filter(|fault| fault.is_error())
            .map(|fault| fault.render(files.get(&fault.file).map(String::as_str)))
            .collect();
        Failure(format!("the bundle does not compile\n{}", shown.join("\n")))
    })
}

fn published(workflows: &Path) -> Result<Calendars, Failure> {
    let mut calendars = Calendars::default();
    for (name, text) in calendar_files(workflows)? {
        calendars
            .publish(&text)
            .map_err(|error| Failure(format!("{name}: failed to {error}")))?;
    }
    Ok(calendars)
}

/// The scenario files of a folder, by path as a person would open them.
fn scenario_files(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure(format!("{}: {error}", path.display()));
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        if path.to_string_lossy().ends_with(".test.yaml") {
            let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            files.insert(path.to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn print(options: &Options, report: &Report) -> Result<(), Failure> {
    if options.json {
        let text = serde_json::to_string_pretty(report).map_err(|error| Failure(error.to_string()))?;
        println!("{text}");
        return Ok(());
    }
    for outcome in &report.scenarios {
        let mark = if outcome.fault.is_none() { "ok  " } else { "FAIL" };
        println!(
            "{mark} {}  {} ({} decisions)",
            outcome.name, outcome.title, outcome.decisions
        );
        if let Some(fault) = &outcome.fault {
            println!("     {}", fault.to_string().replace('\n', "\n     "));
        }
    }
    println!();
    for (machine, coverage) in &report.coverage.0 {
        println!(
            "{machine}: {} of {} states, {} of {} transitions",
            coverage.states - coverage.missing_states.len(),
            coverage.states,
            coverage.transitions - coverage.missing_transitions.len(),
            coverage.transitions
        );
        if options.coverage {
            for state in &coverage.missing_states {
                println!("     no scenario enters {state}");
            }
            for transition in &coverage.missing_transitions {
                println!("     no scenario takes {transition}");
            }
        }
    }
    Ok(())
}
