//! The stage: the running server, its clock, the cast and the narrator. Must not know what is played.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::super::Failure;
use super::bank::Bank;
use super::cast::Cast;
use super::narrator::Narrator;
use super::player::{Player, wait};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::machine::{Name, Time};

/// How fast the clock runs while people act, compared with a real one.
pub const LIVE: u32 = 20;

/// What a play needs.
pub struct Stage {
    pub clock: Clock,
    pub engine: Engine,
    pub runtime: Handle,
    pub narrator: Arc<Narrator>,
    pub cast: Cast,
    pub bank: Bank,
    /// Where the results lie.
    pub folder: PathBuf,
}

impl Stage {
    /// The instance as it is: states, due times, data, documents and children. Nobody in the play sees all of that before the end, the
    /// admin included, so it is read from the engine.
    pub fn look(&self, instance: &str) -> Result<Value, Failure> {
        let id = Name::from(instance);
        let trade = self.runtime.block_on(self.engine.trade(&id));
        let trade = trade
            .map_err(|error| Failure(format!("failed to look at {instance}: {error}")))?
            .trade;
        let found = trade
            .instances
            .get(&id)
            .ok_or_else(|| Failure(format!("there is no {instance}")))?;
        let states: Vec<_> = found.states.iter().map(|path| json!({"path": path})).collect();
        let due = found
            .timers
            .iter()
            .map(|(name, timer)| (name.to_string(), json!({"at": timer.due})));
        let documents = found
            .documents
            .values()
            .map(|document| json!({"ready": document.sha256.is_some()}));
        let children = trade
            .instances
            .values()
            .filter(|child| child.parent.as_ref() == Some(&id));
        let children = children.map(|child| json!({"id": child.id, "machine": child.machine}));
        Ok(json!({
            "states": states, "due": due.collect::<serde_json::Map<_, _>>(), "data": found.data,
            "documents": documents.collect::<Vec<_>>(), "children": children.collect::<Vec<_>>(),
        }))
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
