//! `luochui verify`: judges a sealed file offline, step by step. Must not fetch anything or believe a file's name.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Failure, trust};
use crate::clock::Clock;
use crate::machine::Time;
use crate::seal::document::{DocumentReport, SealShown, SignatureReport, Verdict};
use crate::seal::file;
use crate::seal::mark::TEST_NOTICE;
use crate::seal::report::{Report, Status};
use crate::seal::trust::TrustStore;

#[derive(clap::Args)]
pub struct Options {
    /// A PDF or OFD with seals, a seal (.esl), or a signature by itself (.dat).
    file: PathBuf,
    /// Folder of trusted authorities (*.pem, *.crt, *.cer), their revocation lists (*.crl) and `profiles.json`. Without it no
    /// authority is trusted.
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    /// The time for which to judge, such as 2026-07-01 or 2026-07-01T09:00:00+08:00; now where absent.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Ends with 0 where all that was checked holds, 1 where something does not, 2 where there was nothing to check, 3 where it rests on the
/// signer's word alone.
pub fn run(options: &Options) -> ExitCode {
    match report(options) {
        Ok(report) => {
            match options.json {
                true => print_json(&report),
                false => print!("{}", text(&report)),
            }
            match report.verdict {
                Verdict::Valid => ExitCode::SUCCESS,
                Verdict::Invalid => ExitCode::from(1),
                Verdict::Unsigned => ExitCode::from(2),
                Verdict::Undetermined => ExitCode::from(3),
            }
        }
        Err(failure) => {
            eprintln!("luochui: {failure}");
            ExitCode::from(2)
        }
    }
}

fn report(options: &Options) -> Result<DocumentReport, Failure> {
    let failed = |error: std::io::Error| Failure(format!("failed to read {}: {error}", options.file.display()));
    let length = std::fs::metadata(&options.file).map_err(failed)?.len();
    if length > file::LARGEST as u64 {
        return Err(Failure(format!("{} is larger than 64 MiB", options.file.display())));
    }
    let bytes = std::fs::read(&options.file).map_err(failed)?;
    let trusted = match &options.trust {
        Some(folder) => trust::load(folder)?,
        None => TrustStore::default(),
    };
    let at = options.at.unwrap_or_else(|| Clock::system().now());
    Ok(file::verify(&bytes, &trusted, at))
}

/// A date means its begin in China.
pub fn time(text: &str) -> Result<Time, String> {
    let whole = match text.len() {
        10 => format!("{text}T00:00:00+08:00"),
        _ => text.to_owned(),
    };
    let parsed = chrono::DateTime::parse_from_rfc3339(&whole).map_err(|error| error.to_string())?;
    Ok(Time(parsed.timestamp_millis()))
}

fn print_json(report: &DocumentReport) {
    match serde_json::to_string_pretty(report) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("luochui: failed to write the report: {error}"),
    }
}

/// The report as people read it.
#[must_use]
pub fn text(report: &DocumentReport) -> String {
    let mut lines = vec![
        format!("文件：{} 字节，SM3 {}", report.bytes, report.sm3),
        format!("按 {} 的情况判断", Time(report.judged_at).in_china()),
    ];
    if let Some(seal) = &report.seal {
        lines.extend(seal_lines(seal));
    }
    lines.extend(steps(&report.report));
    for signature in &report.signatures {
        lines.extend(signature_lines(signature));
    }
    lines.push(format!("结论：{}", report.conclusion));
    lines.join("\n") + "\n"
}

fn signature_lines(signature: &SignatureReport) -> Vec<String> {
    let at = signature
        .at
        .map_or(String::new(), |at| format!("，{}", Time(at).in_china()));
    let mark = if signature.test {
        format!("（{TEST_NOTICE}）")
    } else {
        String::new()
    };
    let signer = signature.signer.as_deref().unwrap_or("签章人未知");
    let mut lines = vec![
        String::new(),
        format!("签章 {} {}：{signer}{at}{mark}", signature.number, signature.name),
    ];
    lines.extend(signature.seal.iter().flat_map(seal_lines));
    lines.extend(steps(&signature.report));
    lines
}

fn seal_lines(seal: &SealShown) -> Vec<String> {
    vec![format!(
        "  印章 {}（{}），制章人 {}，有效期 {} 至 {}",
        seal.name,
        seal.id,
        seal.maker,
        Time(seal.valid_from).in_china(),
        Time(seal.valid_until).in_china()
    )]
}

fn steps(report: &Report) -> Vec<String> {
    let line = |step: &crate::seal::report::Step| {
        let mark = match step.status {
            Status::Ok => "通过",
            Status::Warning => "注意",
            Status::Failed => "失败",
        };
        format!("  {mark}  {:<22} {}", step.name, step.reason)
    };
    report.steps.iter().map(line).collect()
}
