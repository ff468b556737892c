//! The stage: the running server, its clock, the cast and the narrator. Must not know what is played.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::super::Failure;
use super::bank::Bank;
use super::cast::Cast;
use super::narrator::Narrator;
use super::player::{Player, wait};
use crate::clock::Clock;
use crate::machine::Time;

/// How fast the clock runs while people act, compared with a real one.
pub const LIVE: u32 = 20;

/// What a play needs.
pub struct Stage {
    pub clock: Clock,
    pub narrator: Arc<Narrator>,
    pub cast: Cast,
    pub bank: Bank,
    /// Where the results lie.
    pub folder: PathBuf,
}

impl Stage {
    /// The instance as the admin sees it, with its states and due times.
    pub fn look(&self, instance: &str) -> Result<Value, Failure> {
        self.cast.admin.get(&format!("instances/{instance}"))
    }

    /// Waits, in real time, until the instance is in the state.
    pub fn reaches(&self, instance: &str, state: &str) -> Result<(), Failure> {
        let mut last = Vec::new();
        let reached = wait(&format!("the state {state}"), || {
            last = states(&self.look(instance)?);
            Ok(last.iter().any(|path| names(path, state)).then_some(()))
        });
        reached.map_err(|failure| Failure(format!("{failure}; the instance is in {}", last.join(", "))))
    }

    /// Lets the clock jump to the due time of a timer and waits until the instance is in the state it leads to.
    pub fn let_pass(&self, instance: &str, timer: &str, state: &str) -> Result<(), Failure> {
        self.clock.advance_to(self.due(instance, timer)?);
        self.reaches(instance, state)
    }

    /// Lets the clock jump to shortly before a timer is due, and then run, so that people see it pass.
    pub fn run_out(&self, instance: &str, timer: &str, state: &str) -> Result<(), Failure> {
        self.clock.advance_to(self.due(instance, timer)?.plus_millis(-20_000));
        self.reaches(instance, state)
    }

    /// When a timer of the instance is due.
    pub fn due(&self, instance: &str, timer: &str) -> Result<Time, Failure> {
        let view = self.look(instance)?;
        let due = &view["due"][timer]["at"];
        due.as_i64()
            .map(Time)
            .ok_or_else(|| Failure(format!("{instance} has no timer {timer}: {}", view["due"])))
    }

    /// One field of the instance's data.
    pub fn data(&self, instance: &str, field: &str) -> Result<Value, Failure> {
        Ok(self.look(instance)?["data"][field].clone())
    }

    /// Says what somebody does.
    pub fn says(&self, who: &Player, chinese: &str, english: &str) {
        self.narrator.say(&format!("【{}】{chinese}", who.title), english);
    }
}

/// Full paths of the active states.
pub fn states(view: &Value) -> Vec<String> {
    let paths = view["states"].as_array().map_or(&[][..], Vec::as_slice);
    paths
        .iter()
        .filter_map(|path| path["path"].as_str().map(str::to_owned))
        .collect()
}

/// True where `state` is the path, one of its ancestors, or the end of one of these.
fn names(path: &str, state: &str) -> bool {
    format!(".{path}.").contains(&format!(".{state}."))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_state_is_named_by_any_whole_part_of_its_path() {
        assert!(names("trade.course.bidding", "bidding"));
        assert!(names("trade.course.concluding.reviewing.by_transferor", "reviewing"));
        assert!(names("a.reviewing.by_transferor", "reviewing.by_transferor"));
        assert!(!names("trade.course.bidding", "bid"));
    }
}
