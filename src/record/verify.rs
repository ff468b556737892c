//! Verifies a record from its bytes alone, and what somebody holds of it: receipts, checkpoints, the platform's key. Says what was
//! checked, step by step, and at which line of the file something does not fit. Must not trust anything that the file says of itself.

mod against;

use std::num::NonZero;

use super::chain::{FORMAT, Head, Origin, digests};
use super::checkpoint::{Checkpoint, SealedCheckpoint};
use super::file::CheckpointLine;
use super::receipt::Receipt;
use super::row::{Ending, Row};
use super::signers::Trusting;
use crate::machine::Time;
use crate::machine::value::Name;
use crate::seal::sm2::PublicKey;
use against::Body;

/// Lines that one thread is given at least: below, starting it takes longer than the work.
const CHUNK: usize = 1_000;

/// What is held beside the record.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub receipts: Vec<Receipt>,
    pub checkpoints: Vec<Checkpoint>,
    pub sealed: Vec<SealedCheckpoint>,
    /// The platform's keys, of now and before; each signature names its own.
    pub keys: Vec<PublicKey>,
    /// The authorities whose word counts for signers of events.
    pub trust: Option<Trusting>,
    pub expected: Expected,
}

/// How much of the record is expected. Nothing in a file tells whether its end was cut off, so whoever verifies says what to expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// All of it, with the line that ends it and a checkpoint over the whole: the instance has ended.
    #[default]
    Whole,
    /// What there is so far: the instance still runs.
    SoFar,
}

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    /// Nothing is wrong, but something could not be proved.
    Warning,
    Failed,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    pub name: &'static str,
    pub status: Status,
    /// The line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    pub text: String,
}

/// What was checked and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    pub instance: Option<Name>,
    /// Lines of the record, without its first.
    pub lines: u64,
    /// Where the record stands: with its end, where it has one.
    pub head: Option<Head>,
    pub steps: Vec<Step>,
}

impl Report {
    /// True where no step failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.steps.iter().all(|step| step.status != Status::Failed)
    }

    pub(super) fn add(&mut self, name: &'static str, status: Status, line: Option<u64>, text: impl Into<String>) {
        self.steps.push(Step {
            name,
            status,
            line,
            text: text.into(),
        });
    }

    fn result(&mut self, name: &'static str, found: Result<String, (u64, String)>) -> bool {
        let holds = found.is_ok();
        match found {
            Ok(text) => self.add(name, Status::Ok, None, text),
            Err((line, text)) => self.add(name, Status::Failed, Some(line), text),
        }
        holds
    }
}

/// What is kept of a line while the file is verified.
struct Seen<'a> {
    n: u64,
    decided: Time,
    done: bool,
    afterwards: Afterwards,
    prev_sm3: &'a str,
    prev_sha256: &'a str,
    sm3: Name,
    sha256: Name,
}

/// Verifies a record.
#[must_use]
pub fn verify(file: &str, held: &Held) -> Report {
    let mut report = Report::default();
    let (text, checkpoints) = match split(file) {
        Ok(parts) => parts,
        Err((line, why)) => {
            report.add("format", Status::Failed, Some(line), why);
            return report;
        }
    };
    let origin = match origin(&text) {
        Ok(origin) => origin,
        Err(why) => {
            report.add("format", Status::Failed, Some(1), why);
            return report;
        }
    };
    report.instance = Some(origin.instance.clone());
    let first = text.first().copied().unwrap_or_default();
    let lines = text.get(1..).unwrap_or_default();
    let seen = match read(lines) {
        Ok(seen) => seen,
        Err(found) => {
            report.result("format", Err(found));
            return report;
        }
    };
    report.lines = u64::try_from(seen.len()).unwrap_or(u64::MAX);
    let about = format!(
        "record of {} {} of trade {}",
        origin.machine, origin.instance, origin.trade
    );
    report.add("format", Status::Ok, None, about);
    let start = Head::at(0, first);
    let end = seen.iter().find(|line| line.done);
    report.head = Some(end.or(seen.last()).map_or_else(|| start.clone(), Seen::head));
    let chained = report.result("chain", chain(&start, &seen));
    let ordered = report.result("order", order(&seen));
    if chained && ordered {
        ended(&mut report, &seen, held.expected);
    }
    let body = Body {
        origin: &origin,
        start: &start,
        lines,
        seen: &seen,
    };
    body.against(&mut report, &checkpoints, held);
    report
}

/// Whether a line tells of what came after the record's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    No,
    /// A refusal that changed nothing.
    Refused,
    /// What cannot be: after the end nothing is accepted, entered, due or ended once more.
    Other,
}

impl Afterwards {
    fn of(row: &Row<'_>) -> Self {
        let is_mere = row.outcome == Ending::Refused && row.facts.is_empty() && row.due.is_empty() && !row.done;
        match (row.after, is_mere) {
            (false, _) => Self::No,
            (true, true) => Self::Refused,
            (true, false) => Self::Other,
        }
    }
}

impl Seen<'_> {
    fn head(&self) -> Head {
        Head {
            size: self.n,
            sm3: self.sm3.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

type Parts<'a> = (Vec<&'a str>, Vec<(u64, Checkpoint)>);

/// The record's own lines, and the checkpoints after them with their place in the file.
fn split(file: &str) -> Result<Parts<'_>, (u64, String)> {
    let Some(body) = file.strip_suffix('\n') else {
        return Err((place(file.lines().count()), "the file breaks off within a line".into()));
    };
    let all: Vec<&str> = body.split('\n').collect();
    let is_checkpoint = |line: &&&str| line.starts_with("{\"checkpoint\":");
    let after = all.iter().rev().take_while(is_checkpoint).count();
    let own = all.len() - after;
    let mut checkpoints = Vec::with_capacity(after);
    for (index, line) in all.iter().enumerate().skip(own) {
        let parsed: Result<CheckpointLine, _> = serde_json::from_str(line);
        let parsed = parsed.map_err(|error| (place(index + 1), format!("is no checkpoint: {error}")))?;
        checkpoints.push((place(index + 1), parsed.checkpoint));
    }
    Ok((all.into_iter().take(own).collect(), checkpoints))
}

fn origin(lines: &[&str]) -> Result<Origin, String> {
    let first = lines.first().copied().unwrap_or_default();
    let origin: Origin = serde_json::from_str(first).map_err(|error| format!("is no record: {error}"))?;
    if &*origin.format != FORMAT {
        return Err(format!("is of the format {} and not {FORMAT}", origin.format));
    }
    // Written again, so that nothing can hide between what is read.
    if origin.text() != first {
        return Err("is not written as the first line of a record is".into());
    }
    Ok(origin)
}

/// Reads and digests all lines, on all cores: a line's digests depend on nothing but its bytes.
fn read<'a>(lines: &[&'a str]) -> Result<Vec<Seen<'a>>, (u64, String)> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let chunk = lines.len().div_ceil(cores).max(CHUNK);
    std::thread::scope(|scope| {
        let parts = lines.chunks(chunk).enumerate();
        let parts: Vec<_> = parts
            .map(|(index, part)| scope.spawn(move || read_part(part, index * chunk)))
            .collect();
        let mut all = Vec::with_capacity(lines.len());
        for part in parts {
            let read = part.join().map_err(|_| (0, "could not be read".to_owned()))?;
            all.extend(read?);
        }
        Ok(all)
    })
}

fn read_part<'a>(lines: &[&'a str], before: usize) -> Result<Vec<Seen<'a>>, (u64, String)> {
    let mut all = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let at = place(before + index + 2);
        let row = Row::parse(line).map_err(|error| (at, format!("is no line of a record: {error}")))?;
        if (row.outcome == Ending::Refused) != row.reason.is_some() {
            return Err((at, "only a refusal has a reason, and each has one".into()));
        }
        let afterwards = Afterwards::of(&row);
        let (std::borrow::Cow::Borrowed(prev_sm3), std::borrow::Cow::Borrowed(prev_sha256)) =
            (row.prev_sm3, row.prev_sha256)
        else {
            return Err((at, "its digests are not written as digests are".into()));
        };
        let (sm3, sha256) = digests(line.as_bytes());
        all.push(Seen {
            n: row.n,
            decided: row.decided,
            done: row.done,
            afterwards,
            prev_sm3,
            prev_sha256,
            sm3,
            sha256,
        });
    }
    Ok(all)
}

/// Each line has the next number and names the digests of the line before.
fn chain(start: &Head, seen: &[Seen<'_>]) -> Result<String, (u64, String)> {
    let (mut sm3, mut sha256) = (&start.sm3, &start.sha256);
    for (expected, line) in (1..).zip(seen) {
        let at = expected + 1;
        if line.n != expected {
            let text = format!(
                "has the number {} where {expected} was due: a line is missing, doubled or out of place",
                line.n
            );
            return Err((at, text));
        }
        for (name, own, held) in [("SM3", sm3, line.prev_sm3), ("SHA-256", sha256, line.prev_sha256)] {
            if **own != *held {
                let text = format!(
                    "names another {name} than line {} has: one of the two was changed, or lines were put in, taken out or moved",
                    at - 1
                );
                return Err((at, text));
            }
        }
        (sm3, sha256) = (&line.sm3, &line.sha256);
    }
    Ok(format!(
        "{} lines, each names the digests of the one before",
        seen.len()
    ))
}

/// Nothing is decided before what stands before it, and what follows the end changes nothing.
fn order(seen: &[Seen<'_>]) -> Result<String, (u64, String)> {
    let mut ended = false;
    for (index, line) in seen.iter().enumerate() {
        let at = place(index + 2);
        let before = index.checked_sub(1).and_then(|before| seen.get(before));
        if before.is_some_and(|before| line.decided < before.decided) {
            return Err((at, "was decided before the line before it".into()));
        }
        match (ended, line.afterwards) {
            (false, Afterwards::No) | (true, Afterwards::Refused) => {}
            (false, _) => return Err((at, "says that it follows the end, and stands before it".into())),
            (true, Afterwards::No) => return Err((at, "follows the end of the record".into())),
            (true, Afterwards::Other) => {
                return Err((at, "follows the end of the record, and is no mere refusal".into()));
            }
        }
        ended |= line.done;
    }
    Ok("every line was decided no earlier than the one before, and after the end nothing is but refusals".into())
}

fn ended(report: &mut Report, seen: &[Seen<'_>], expected: Expected) {
    let Some(end) = seen.iter().position(|line| line.done) else {
        let text = "the record has no end: it was cut off, or the instance still runs";
        let (status, line) = match expected {
            Expected::Whole => (Status::Failed, Some(place(seen.len()) + 1)),
            Expected::SoFar => (Status::Warning, None),
        };
        return report.add("end", status, line, text);
    };
    let text = match seen.len() - end - 1 {
        0 => "the last line ends the record".to_owned(),
        later => format!(
            "number {} ends the record; {later} lines after it tell what came too late and was refused",
            end + 1
        ),
    };
    report.add("end", Status::Ok, None, text);
}

/// A place in the file, from 1.
fn place(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}
