//! `luochui workflow check`: all faults of a bundle, for people or as JSON.

use serde::Serialize;

use super::super::Failure;
use super::super::folder::read_bundle;
use super::{Place, print};
use crate::machine::definition::{Diagnostic, check};

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    diagnostics: &'a [Diagnostic],
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let files = read_bundle(&options.place.folder, &options.place.templates)?;
    let checked = check(&files);
    let reference = checked.bundle.as_ref().map(|bundle| &bundle.reference);
    let errors = checked.diagnostics.iter().filter(|fault| fault.is_error()).count();
    let warnings = checked.diagnostics.len() - errors;
    if options.json {
        let report = Report {
            ok: reference.is_some(),
            name: reference.map(|reference| reference.name.as_ref()),
            version: reference.map(|reference| reference.version.as_ref()),
            sha256: reference.map(|reference| reference.sha256.as_ref()),
            diagnostics: &checked.diagnostics,
        };
        let text = serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?;
        print(&text)?;
    } else {
        for fault in &checked.diagnostics {
            let text = files.get(&fault.file).map(String::as_str);
            print(&format!("{}\n", fault.render(text)))?;
        }
        if let Some(bundle) = &checked.bundle {
            let states: usize = bundle.machines.values().map(|machine| machine.states.len() - 1).sum();
            let short: String = bundle.reference.sha256.chars().take(12).collect();
            print(&format!(
                "{} {} ({short}…): {} machines, {states} states, {warnings} warnings",
                bundle.reference.name,
                bundle.reference.version,
                bundle.machines.len()
            ))?;
        }
    }
    if errors == 0 {
        return Ok(());
    }
    Err(Failure(format!("{errors} errors, {warnings} warnings")))
}
