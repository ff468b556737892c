//! Everything that a supervisor needs to decide a trade again without the platform: definitions, calendars, the whole history and
//! the record, as a file of JSON lines; and doing so. Must not be shown to anybody but supervisors: it holds identities.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::chain::{Head, Origin};
use super::checkpoint::Checkpoint;
use super::file;
use super::row::Row;
use super::sealed;
use super::signers::{self, Known};
use super::verify::{Held, Report, Status, verify};
use crate::machine::calendar::{Calendar, Calendars};
use crate::machine::definition::compile;
use crate::machine::history::{self, Break, Entry};
use crate::machine::step::Line;
use crate::machine::trade::Trade;
use crate::machine::value::Name;

/// What the first line of every dossier begins with.
pub const FORMAT: &str = "luochui-dossier/1";

/// One line of a dossier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The first line: of which instance.
    Dossier {
        format: Name,
        instance: Name,
    },
    /// A file of the definitions or a template.
    File {
        path: String,
        text: String,
    },
    Calendar {
        name: Name,
        calendar: Calendar,
    },
    /// Who a party is that signed events: its id, and its 统一社会信用代码 or 公民身份号码.
    Party {
        id: Name,
        code: Name,
    },
    /// An entry of the trade's history, with its private part.
    Entry(Box<Entry>),
    /// A line of the record, byte for byte.
    Line(String),
    Checkpoint(Checkpoint),
    /// A seal on a document of the trade.
    Seal(Box<sealed::Kept>),
}

/// What a dossier is made of.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    pub instance: &'a Name,
    /// Definitions and templates by path.
    pub files: &'a BTreeMap<String, String>,
    pub calendar: Option<(&'a Name, &'a Calendar)>,
    /// The codes of parties by their ids.
    pub parties: &'a BTreeMap<Name, Name>,
    pub entries: &'a [Entry],
    /// The record's, the first included.
    pub lines: &'a [String],
    pub checkpoints: &'a [Checkpoint],
}

/// Writes a dossier.
#[must_use]
pub fn write(whole: Whole<'_>) -> String {
    let mut text = line(&Part::Dossier {
        format: FORMAT.into(),
        instance: whole.instance.clone(),
    });
    for (path, content) in whole.files {
        let (path, content) = (path.clone(), content.clone());
        text.push_str(&line(&Part::File { path, text: content }));
    }
    if let Some((name, calendar)) = whole.calendar {
        let (name, calendar) = (name.clone(), calendar.clone());
        text.push_str(&line(&Part::Calendar { name, calendar }));
    }
    for (id, code) in whole.parties {
        let (id, code) = (id.clone(), code.clone());
        text.push_str(&line(&Part::Party { id, code }));
    }
    for entry in whole.entries {
        text.push_str(&line(&Part::Entry(Box::new(entry.clone()))));
    }
    for row in whole.lines {
        text.push_str(&line(&Part::Line(row.clone())));
    }
    for checkpoint in whole.checkpoints {
        text.push_str(&line(&Part::Checkpoint(checkpoint.clone())));
    }
    text
}

/// Writes the seals on the trade's documents, which follow the rest.
#[must_use]
pub fn write_seals(seals: Vec<sealed::Kept>) -> String {
    seals
        .into_iter()
        .map(|seal| line(&Part::Seal(Box::new(seal))))
        .collect()
}

fn line(part: &Part) -> String {
    // Texts, numbers and maps with texts as keys can always be written as JSON.
    let mut line = serde_json::to_string(part).unwrap_or_default();
    line.push('\n');
    line
}

/// True where a file begins as a dossier does.
#[must_use]
pub fn is_dossier(text: &str) -> bool {
    text.starts_with("{\"dossier\":")
}

#[derive(Default)]
struct Parts {
    instance: Option<Name>,
    files: BTreeMap<String, String>,
    calendars: Calendars,
    parties: BTreeMap<Name, Name>,
    entries: Vec<Entry>,
    /// The line of the dossier at which each entry stands, from 1.
    places: Vec<u64>,
    lines: Vec<String>,
    checkpoints: Vec<Checkpoint>,
    /// With their lines in the dossier.
    seals: Vec<(u64, sealed::Kept)>,
}

/// Verifies a dossier: its record as any record, the signatures of events, its history, and that deciding the
/// history again gives the record's very bytes.
#[must_use]
pub fn verify_dossier(text: &str, held: &Held) -> Report {
    let parts = match read(text) {
        Ok(parts) => parts,
        Err((line, why)) => {
            let mut report = Report::default();
            report.add("format", Status::Failed, Some(line), why);
            return report;
        }
    };
    let record = file::write(parts.lines.iter().map(String::as_str), &parts.checkpoints);
    let mut report = verify(&record, held);
    let signed = parts.entries.iter().zip(&parts.places);
    let carried = carried(&parts);
    signers::judge(
        &mut report,
        signed,
        &Known {
            carried,
            parties: &parts.parties,
            trust: held.trust.as_ref(),
        },
    );
    sealed::check(&mut report, &parts.entries, &parts.seals);
    if let Err((line, why)) = again(&mut report, &parts) {
        report.add("replay", Status::Failed, line, why);
    }
    report
}

/// The history entries whose lines in the record tell of a signature.
fn carried(parts: &Parts) -> BTreeSet<String> {
    let rows = parts.lines.iter().filter_map(|line| Row::parse(line).ok());
    rows.filter(|row| row.signature.is_some())
        .map(|row| row.history.into_owned())
        .collect()
}

fn read(text: &str) -> Result<Parts, (u64, String)> {
    let mut parts = Parts::default();
    for (place, line) in (1..).zip(text.lines()) {
        let part: Part =
            serde_json::from_str(line).map_err(|error| (place, format!("is no part of a dossier: {error}")))?;
        match part {
            Part::Dossier { format, instance } if place == 1 && &*format == FORMAT => parts.instance = Some(instance),
            Part::Dossier { format, .. } => return Err((place, format!("is of the format {format} and not {FORMAT}"))),
            Part::File { path, text } => drop(parts.files.insert(path, text)),
            Part::Calendar { name, calendar } => drop(parts.calendars.0.insert(name, calendar)),
            Part::Party { id, code } => drop(parts.parties.insert(id, code)),
            Part::Entry(entry) => {
                parts.entries.push(*entry);
                parts.places.push(place);
            }
            Part::Line(line) => parts.lines.push(line),
            Part::Checkpoint(checkpoint) => parts.checkpoints.push(checkpoint),
            Part::Seal(seal) => parts.seals.push((place, *seal)),
        }
    }
    Ok(parts)
}

type Fault = (Option<u64>, String);

fn again(report: &mut Report, parts: &Parts) -> Result<(), Fault> {
    let plain = |text: String| (None, text);
    let instance = parts
        .instance
        .as_ref()
        .ok_or_else(|| plain("it does not say of what it is".into()))?;
    let origin: Option<Origin> = parts.lines.first().and_then(|line| serde_json::from_str(line).ok());
    let origin = origin.filter(|origin| origin.instance == *instance);
    let origin = origin.ok_or_else(|| plain("its record is of another instance".into()))?;
    let head = history::verify(&parts.entries).map_err(|broken| plain(broken.to_string()))?;
    let about = format!("{} entries, ending with {head}", parts.entries.len());
    report.add("history", Status::Ok, None, about);
    let bundle = compile(&parts.files);
    let bundle = bundle.map_err(|faults| plain(format!("its definitions have {} faults", faults.len())))?;
    if bundle.reference.sha256 != origin.bundle_sha256 {
        return Err(plain("its definitions are not those that the record names".into()));
    }
    report.add(
        "definitions",
        Status::Ok,
        None,
        format!("{} {}", origin.bundle, origin.version),
    );
    let mut rebuilt = Rebuilt::default();
    let replayed = history::replay_with(&bundle, &parts.calendars, &parts.entries, &mut |decision| {
        rebuilt.take(instance, &decision.trade, &decision.lines);
    });
    match replayed {
        Ok(Some(trade)) => rebuilt.compare(report, &parts.lines, instance, &trade),
        Ok(None) => Err(plain("its history is empty".into())),
        Err(broken) if broken.why == Break::Erased => {
            let text = "personal data was erased, so that the history cannot be decided again; its digests hold";
            report.add("replay", Status::Warning, None, text);
            Ok(())
        }
        Err(broken) => Err(plain(broken.to_string())),
    }
}

/// The record as deciding the history again gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// As in the file, the first line included.
    pub lines: Vec<String>,
    /// Which history entry each line tells of.
    pub seqs: Vec<u64>,
    head: Option<Head>,
}

impl Rebuilt {
    /// Appends what a decision adds to an instance's record.
    pub fn take(&mut self, instance: &Name, trade: &Trade, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.instance == *instance) {
            let head = match self.head.take() {
                Some(head) => head,
                None => {
                    let origin = trade
                        .instances
                        .get(instance)
                        .map(|instance| Origin::of(trade, instance));
                    let text = origin.map_or_else(String::new, |origin| origin.text());
                    let head = Head::at(0, &text);
                    self.push(text, trade.seq);
                    head
                }
            };
            let appended = head.append(line);
            self.push(appended.text, trade.seq);
            self.head = Some(appended.head);
        }
    }

    fn push(&mut self, line: String, seq: u64) {
        self.lines.push(line);
        self.seqs.push(seq);
    }

    fn compare(&self, report: &mut Report, lines: &[String], instance: &Name, trade: &Trade) -> Result<(), Fault> {
        let longest = self.lines.len().max(lines.len());
        for index in 0..longest {
            if self.lines.get(index) != lines.get(index) {
                let line = u64::try_from(index).unwrap_or(u64::MAX) + 1;
                return Err((Some(line), "deciding the history again gives another line here".into()));
            }
        }
        let ended = trade.instances.get(instance);
        let output = ended.map(|instance| serde_json::to_string(&instance.output).unwrap_or_default());
        let states = ended.map(|instance| instance.states.join(", "));
        let text = format!(
            "deciding the history again gives the same {} lines; it ends in {} with {}",
            lines.len().saturating_sub(1),
            states.unwrap_or_default(),
            output.unwrap_or_default()
        );
        report.add("replay", Status::Ok, None, text);
        Ok(())
    }
}
