//! `luochui audit`: verifies histories and records, also while the database is served. Must not write.

use std::path::{Path, PathBuf};

use super::Failure;
use super::audit_file::{self, Files, Print};
use crate::config::Config;
use crate::engine::audit::{Depth, Report, verify};
use crate::record::verify::Expected;
use crate::store::Target;
use crate::store::connection::Use;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Verify the hash chain of every trade's history; or, given a file, a record or dossier without any database.
    Verify(Options),
}

#[derive(clap::Args)]
pub struct Options {
    /// A record or dossier, as the API gave it.
    #[arg(value_name = "RECORD")]
    record: Option<PathBuf>,
    /// A receipt to hold the record against; also an answer of the API that carries one.
    #[arg(long, value_name = "FILE", requires = "record")]
    receipt: Vec<PathBuf>,
    /// A checkpoint to hold the record against.
    #[arg(long, value_name = "FILE", requires = "record")]
    checkpoint: Vec<PathBuf>,
    /// The platform's public keys (PEM, as `GET /api/v1/platform/key` gives them), with one of which receipts and checkpoints must be signed.
    #[arg(long, value_name = "PEM", requires = "record")]
    key: Option<PathBuf>,
    /// Folder of trusted authorities, their revocation lists and `profiles.json`: judges whose certificates signed the events of a
    /// dossier, as of then. Without it that is the platform's word, and only warned of.
    #[arg(long, value_name = "DIR", requires = "record")]
    trust: Option<PathBuf>,
    /// The room still runs: a record without its end and without a checkpoint over the whole is then only warned of. Without it such a
    /// record fails, for its end may have been cut off.
    #[arg(long, requires = "record")]
    running: bool,
    /// Also decide every history again and compare the outcome with what is stored.
    #[arg(long)]
    replay: bool,
    /// Another database than the configured one.
    #[arg(long)]
    database: Option<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    let Command::Verify(options) = command;
    if let Some(record) = &options.record {
        let files = Files {
            record,
            receipts: &options.receipt,
            checkpoints: &options.checkpoint,
            key: options.key.as_deref(),
            trust: options.trust.as_deref(),
            expected: if options.running {
                Expected::SoFar
            } else {
                Expected::Whole
            },
        };
        return audit_file::run(&files, if options.json { Print::Json } else { Print::Text });
    }
    let url = database_url(config, options.database.as_deref())?;
    let failed = Failure::while_doing("verify the database");
    let target = Target::parse(&url).map_err(|error| Failure(error.to_string()))?;
    require_file(&target)?;
    let mut conn = target.open(Use::Read).map_err(|error| Failure(error.to_string()))?;
    let depth = if options.replay { Depth::Replay } else { Depth::Chains };
    let report = verify(&mut conn, depth).map_err(|error| failed(&error))?;
    print_report(&report, options);
    match report.faults.len() {
        0 => Ok(()),
        count => Err(Failure(format!("{count} of {} trades are faulty", report.trades))),
    }
}

/// The database that a command works on.
pub fn database_url(config: Option<&Path>, given: Option<&str>) -> Result<String, Failure> {
    match given {
        Some(url) => Ok(url.to_owned()),
        None => Ok(Config::load(config)
            .map_err(|error| Failure(error.to_string()))?
            .database_url()),
    }
}

/// Opening an SQLite file that is not there would make an empty one, and verifying that would find nothing wrong.
pub fn require_file(target: &Target) -> Result<(), Failure> {
    match target.file() {
        Some(file) if !file.is_file() => Err(Failure(format!("there is no database at {}", file.display()))),
        _ => Ok(()),
    }
}

fn print_report(report: &Report, options: &Options) {
    if options.json {
        let line = serde_json::json!({
            "trades": report.trades, "entries": report.entries, "replayed": report.replayed, "erased": report.erased,
            "records": report.records,
            "faults": report.faults,
        });
        println!("{line}");
        return;
    }
    for fault in &report.faults {
        println!("{fault}");
    }
    println!(
        "verified the chains of {} trades with {} history entries",
        report.trades, report.entries
    );
    println!(
        "verified {} records that instances keep, with {} lines",
        report.records, report.lines
    );
    if options.replay {
        println!(
            "decided {} of them again and compared the outcome; {} cannot be, for a part was erased",
            report.replayed, report.erased
        );
    }
}
