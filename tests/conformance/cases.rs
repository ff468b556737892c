//! One case of the suite: a chart, and the configurations expected after each event.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use luochui::machine::calendar::Calendars;
use luochui::machine::step::{Actor, Answer, Cause, Context, Decision, Input, Outside, decide};
use luochui::machine::{Bundle, Name, Time, Trade};
use serde::Deserialize;

use super::convert::{self, Chart};

/// Whether the trade goes through its stored form between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Never,
    BetweenEvents,
}

pub enum Outcome {
    Passed,
    Failed(String),
}

pub struct Case {
    /// `folder/file` without its ending.
    pub name: String,
    source: String,
    trace: Trace,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    initial_configuration: BTreeSet<String>,
    events: Vec<Step>,
    /// What the recommendation's Appendix D says where the package's own interpreter does otherwise.
    legacy_semantics: Option<Box<Trace>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// Milliseconds to wait before the event is sent.
    #[serde(default)]
    after: i64,
    event: Sent,
    next_configuration: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Sent {
    name: String,
}

impl Case {
    /// All script-free cases of the package's own, in the order of their names.
    pub fn all(package: &Path) -> Vec<Self> {
        let mut cases = Vec::new();
        for folder in sorted(&package.join("test")) {
            if folder.ends_with("w3c-ecma") || !folder.is_dir() {
                continue;
            }
            for file in sorted(&folder) {
                if file.extension().is_some_and(|ending| ending == "scxml") {
                    cases.extend(Self::read(&file));
                }
            }
        }
        cases
    }

    fn read(file: &Path) -> Option<Self> {
        let source = std::fs::read_to_string(file).unwrap();
        if source.contains("<script") {
            return None;
        }
        let trace = std::fs::read_to_string(file.with_extension("json")).unwrap();
        let folder = file.parent()?.file_name()?.to_string_lossy();
        Some(Self {
            name: format!("{folder}/{}", file.file_stem()?.to_string_lossy()),
            source,
            trace: serde_json::from_str(&trace).unwrap(),
        })
    }

    /// Plays the case and compares every configuration.
    pub fn run(&self, reload: Reload) -> Outcome {
        self.outcome(&self.trace, reload)
    }

    /// As `run`, with the trace that follows Appendix D.
    pub fn run_by_appendix_d(&self, reload: Reload) -> Outcome {
        match &self.trace.legacy_semantics {
            Some(trace) => self.outcome(trace, reload),
            None => Outcome::Failed("has no such trace".into()),
        }
    }

    fn outcome(&self, trace: &Trace, reload: Reload) -> Outcome {
        match self.play(trace, reload) {
            Ok(()) => Outcome::Passed,
            Err(why) => Outcome::Failed(why),
        }
    }

    fn play(&self, trace: &Trace, reload: Reload) -> Result<(), String> {
        let events: BTreeSet<&str> = trace.events.iter().map(|step| step.event.name.as_str()).collect();
        let chart = convert::chart(&self.source, &events)?;
        let bundle = compile(&chart)?;
        let mut play = Play {
            bundle,
            chart,
            trade: None,
            now: Time(1_000),
            seed: 0,
        };
        play.send(Cause::Start {
            machine: None,
            data: BTreeMap::new(),
        })?;
        play.expect("the start", &trace.initial_configuration)?;
        for (number, step) in (1..).zip(&trace.events) {
            if reload == Reload::BetweenEvents {
                play.reload();
            }
            play.now = play.now.plus_millis(step.after);
            play.send(Cause::event(step.event.name.as_str(), BTreeMap::new()))?;
            play.expect(
                &format!("event {number} `{}`", step.event.name),
                &step.next_configuration,
            )?;
        }
        Ok(())
    }
}

fn compile(chart: &Chart) -> Result<Bundle, String> {
    luochui::machine::definition::compile(&chart.files).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{fault:?}")).collect();
        format!("does not compile: {}", lines.join("; "))
    })
}

struct Play {
    bundle: Bundle,
    chart: Chart,
    trade: Option<Trade>,
    now: Time,
    seed: u32,
}

impl Play {
    fn send(&mut self, cause: Cause) -> Result<(), String> {
        self.seed += 1;
        let input = Input {
            instance: "CASE".into(),
            cause,
            at: self.now,
        };
        let context = Context {
            actor: Actor {
                account: "tester".into(),
                member: true,
                ..Actor::default()
            },
            seed: format!("{:064}", self.seed).into(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: 0,
            slots: Vec::new(),
        };
        let decision: Decision = decide(
            &self.bundle,
            self.trade.as_ref(),
            &input,
            &context,
            &Calendars::default(),
            Outside::nobody(),
        );
        if let Answer::Failed(fault) = &decision.answer {
            return Err(format!("fault at {}: {}", fault.place, fault.text));
        }
        self.trade = Some(decision.trade);
        Ok(())
    }

    /// Stores the trade as the database does, drops it, and loads it again.
    fn reload(&mut self) {
        let stored = serde_json::to_string(&self.trade).unwrap();
        self.trade = serde_json::from_str(&stored).unwrap();
    }

    fn expect(&self, when: &str, expected: &BTreeSet<String>) -> Result<(), String> {
        let root = self.trade.as_ref().and_then(Trade::root).ok_or("no trade was opened")?;
        let id = |path: &Name| self.chart.ids.get(&**path).cloned().unwrap_or_else(|| path.to_string());
        let actual: BTreeSet<String> = root.states.iter().map(id).collect();
        if actual == *expected {
            Ok(())
        } else {
            Err(format!("after {when}: {actual:?} instead of {expected:?}"))
        }
    }
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}
