//! The table of a verification: each step with its outcome and reason. Must not decide anything.

use serde::Serialize;

use crate::machine::Time;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    /// Worth telling, but no reason to refuse.
    Warning,
    Failed,
}

/// One step of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// A stable name such as `signature.value`.
    pub name: &'static str,
    pub status: Status,
    /// A stable code of the fault; empty where the step passed.
    pub code: &'static str,
    /// For people, in Chinese.
    pub reason: String,
}

/// All steps in the order in which they were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub steps: Vec<Step>,
    /// The moment that a time stamp proves, where one does.
    #[serde(skip)]
    pub stamped: Option<Time>,
}

impl Report {
    pub fn ok(&mut self, name: &'static str, reason: impl Into<String>) {
        self.push(name, Status::Ok, "", reason.into());
    }

    pub fn warn(&mut self, name: &'static str, code: &'static str, reason: impl Into<String>) {
        self.push(name, Status::Warning, code, reason.into());
    }

    pub fn fail(&mut self, name: &'static str, code: &'static str, reason: impl Into<String>) {
        self.push(name, Status::Failed, code, reason.into());
    }

    fn push(&mut self, name: &'static str, status: Status, code: &'static str, reason: String) {
        self.steps.push(Step {
            name,
            status,
            code,
            reason,
        });
    }

    /// Takes over another verification's steps, such as those of an embedded seal.
    pub fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
    }

    /// The worst outcome; a report without steps has verified nothing and failed.
    #[must_use]
    pub fn status(&self) -> Status {
        self.steps
            .iter()
            .map(|step| step.status)
            .max()
            .unwrap_or(Status::Failed)
    }

    /// True where nothing failed; warnings do not count.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.status() != Status::Failed
    }

    /// The step of this name, where it was taken.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The first failed step.
    #[must_use]
    pub fn fault(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.status == Status::Failed)
    }
}
