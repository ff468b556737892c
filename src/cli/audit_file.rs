//! `luochui audit verify RECORD`: verifies a record or dossier from its file alone, without the platform. Must not open a database.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value as Json;

use super::{Failure, trust};
use crate::clock::Clock;
use crate::record::dossier::{is_dossier, verify_dossier};
use crate::record::signer::read_keys;
use crate::record::signers::Trusting;
use crate::record::verify::{Expected, Held, Report, Status, verify};
use crate::record::{Checkpoint, Receipt, SealedCheckpoint};

/// What is verified, and what it is held against.
pub struct Files<'a> {
    pub record: &'a Path,
    pub receipts: &'a [PathBuf],
    pub checkpoints: &'a [PathBuf],
    pub key: Option<&'a Path>,
    /// A folder of trusted authorities.
    pub trust: Option<&'a Path>,
    pub expected: Expected,
}

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Print {
    Text,
    Json,
}

/// Verifies and prints.
///
/// # Errors
/// A file that cannot be read, or a step that failed.
pub fn run(files: &Files<'_>, print: Print) -> Result<(), Failure> {
    let held = held(files)?;
    let text = read(files.record)?;
    let started = Instant::now();
    let report = if is_dossier(&text) {
        verify_dossier(&text, &held)
    } else {
        verify(&text, &held)
    };
    show(&report, started.elapsed().as_secs_f64(), print);
    let failed = report.steps.iter().find(|step| step.status == Status::Failed);
    match failed {
        None => Ok(()),
        Some(step) => {
            let line = step.line.map_or_else(String::new, |line| format!(":{line}"));
            Err(Failure(format!("{}{line}: {}", files.record.display(), step.text)))
        }
    }
}

fn held(files: &Files<'_>) -> Result<Held, Failure> {
    let mut held = Held {
        expected: files.expected,
        ..Held::default()
    };
    for path in files.receipts {
        held.receipts.push(within::<Receipt>(path, "receipt")?);
    }
    for path in files.checkpoints {
        for (number, checkpoint) in (1..).zip(checkpoints(path)?) {
            match checkpoint {
                AnyCheckpoint::Plain { checkpoint } | AnyCheckpoint::Bare(checkpoint) => {
                    held.checkpoints.push(checkpoint)
                }
                AnyCheckpoint::Sealed(sealed) => held.sealed.push(sealed),
                AnyCheckpoint::Other {} => {
                    return Err(Failure(format!("{}: part {number} is no checkpoint", path.display())));
                }
            }
        }
    }
    if let Some(path) = files.key {
        let keys = read_keys(&read(path)?);
        held.keys = keys.map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    }
    if let Some(folder) = files.trust {
        held.trust = Some(Trusting {
            store: trust::load(folder)?,
            now: Clock::system().now(),
        });
    }
    Ok(held)
}

/// A checkpoint as it comes by mail, as it stands in a record, or sealed.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum AnyCheckpoint {
    Plain { checkpoint: Checkpoint },
    Bare(Checkpoint),
    Sealed(SealedCheckpoint),
    Other {},
}

/// One checkpoint or several, one after another.
fn checkpoints(path: &Path) -> Result<Vec<AnyCheckpoint>, Failure> {
    let text = read(path)?;
    let failed = |error: serde_json::Error| Failure(format!("{} holds no checkpoint: {error}", path.display()));
    let all: Vec<AnyCheckpoint> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    match all.is_empty() {
        true => Err(Failure(format!("{} holds no checkpoint", path.display()))),
        false => Ok(all),
    }
}

/// Reads something from a file of JSON that is it, or that holds it under its name, as an answer of the API does.
fn within<T: serde::de::DeserializeOwned>(path: &Path, name: &str) -> Result<T, Failure> {
    let failed = |error: serde_json::Error| Failure(format!("{} holds no {name}: {error}", path.display()));
    let mut json: Json = serde_json::from_str(&read(path)?).map_err(failed)?;
    if let Some(inner) = json.get_mut(name) {
        json = inner.take();
    }
    serde_json::from_value(json).map_err(failed)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure(format!("{}: {error}", path.display())))
}

fn show(report: &Report, seconds: f64, print: Print) {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = report.lines as f64 / seconds.max(1e-9);
    if print == Print::Json {
        let line = serde_json::json!({
            "holds": report.holds(), "instance": report.instance, "lines": report.lines, "head": report.head,
            "steps": report.steps, "seconds": seconds, "lines_per_second": rate.round(),
        });
        println!("{line}");
        return;
    }
    for step in &report.steps {
        let status = match step.status {
            Status::Ok => "ok     ",
            Status::Warning => "warning",
            Status::Failed => "FAILED ",
        };
        let line = step.line.map_or_else(String::new, |line| format!(" line {line}:"));
        println!("{status} {}:{line} {}", step.name, step.text);
    }
    if let Some(head) = &report.head {
        println!("SM3     {}\nSHA-256 {}", head.sm3, head.sha256);
    }
    println!("{} lines in {seconds:.3} s, {rate:.0} lines/s", report.lines);
}
