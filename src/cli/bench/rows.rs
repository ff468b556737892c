//! What all measurements share: a folder, a runtime, a rounded number, a printed row. Must not measure.

use std::io::IsTerminal as _;
use std::path::Path;

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Failure;

/// A folder that goes away with the measurement.
pub fn temporary(parent: Option<&Path>) -> Result<tempfile::TempDir, Failure> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("luochui-bench-").tempdir_in(&parent);
    folder.map_err(|error| Failure(format!("{}: {error}", parent.display())))
}

/// A runtime of so many threads, for the clients and for what is measured in this process.
pub fn runtime(threads: usize) -> Result<Runtime, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    runtime.map_err(|error| Failure::while_doing("start")(&error))
}

/// Prints a row: as one line of JSON where that is asked for or nobody looks on, else with its fields as words.
pub fn print_row<T: Serialize>(row: &T, json: bool) -> Result<(), Failure> {
    let failed = |error: serde_json::Error| Failure::while_doing("print a row")(&error);
    if json || !std::io::stdout().is_terminal() {
        println!("{}", serde_json::to_string(row).map_err(failed)?);
        return Ok(());
    }
    let fields = serde_json::to_value(row).map_err(failed)?;
    let fields = fields.as_object().cloned().unwrap_or_default();
    let line: Vec<_> = fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    println!("{}", line.join("  "));
    Ok(())
}

pub fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

pub fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
