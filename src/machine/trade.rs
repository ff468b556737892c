//! What is stored of a trade: a root instance with all its descendants, the unit of consistency.
//! Must not decide anything: `step` does, and returns a new value of these types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Time;
use super::period::Period;
use super::slots::Booking;
use super::value::{Map, Name};

/// Identifies an instance across all trades: 26 characters, drawn from the step's seed, telling nothing about order.
pub type InstanceId = Name;

/// Identifies a to-do: `{instance}.{state path}.{entry number}` hashed to 26 characters.
pub type TodoId = Name;

/// A root instance with its descendants. Cloning is cheap: instances are shared until they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The id of the root instance.
    pub id: InstanceId,
    pub bundle: BundleRef,
    /// How many history entries the trade has.
    pub seq: u64,
    /// Hash of the last history entry, lower-case hex; 64 zeros before the first.
    pub head: Name,
    /// The latest time the trade has seen; time never runs back within a trade.
    pub now: Time,
    pub instances: BTreeMap<InstanceId, Arc<Instance>>,
}

/// Which published definitions a trade is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BundleRef {
    pub name: Name,
    pub version: Name,
    /// Lower-case hex over all files and templates.
    pub sha256: Name,
}

/// One running case of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub id: InstanceId,
    pub machine: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<InstanceId>,
    /// The parent's state path whose `invoke` started this instance and whose exit ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<Name>,
    /// The party that started it, for machines started by an outside event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// What others may call it by: a random plate number, unique in the trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// Paths of the active atomic states, in document order.
    pub states: Vec<Name>,
    /// Recorded configurations of history states: path of the history state to atomic or child paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remembered: BTreeMap<Name, Vec<Name>>,
    pub data: Map,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timers: BTreeMap<Name, Timer>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub todos: BTreeMap<TodoId, Todo>,
    /// How often each state with a to-do or a tag has been entered: numbers the to-dos, and tells what was once open to readers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entered: BTreeMap<Name, u32>,
    /// Generations of timers that are no longer armed, so that a late firing stays a no-op.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generations: BTreeMap<Name, u32>,
    /// The due time of the last timer that fired: what was stamped before it and is decided after it comes too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired: Option<Time>,
    /// Timers that fired one after another without time going on: what arms itself again at once is stopped by this count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at_once: u32,
    /// The latest of each document: what was asked for, and, once rendered, its digest and number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<Name, Document>,
    /// Who completed the to-do of a state last, or sent an event, for `notBy`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acted: BTreeMap<Name, Name>,
    /// Values of `once:` expressions already seen (bank references), so that a repeated message is recognised.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub seen: BTreeSet<Name>,
    /// What it has taken of a capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Booking>,
    /// A root-to-leaf suspension holds this instance: its events are refused except those let through.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// What a final state handed to the parent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub output: Map,
}

/// An armed timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The state it belongs to; leaving that state disarms it. For a delayed `send`, the root state.
    pub state: Name,
    pub generation: u32,
    /// When the count began.
    pub start: Time,
    pub due: Time,
    /// What was counted from `start`; absent for `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The due time rests on an unpublished calendar year: shown, never fired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Only outages within so many milliseconds of its end count; absent where all of its time does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<i64>,
    /// What remained when a suspension froze it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Remainder>,
    /// Its firing failed (a guard could not be evaluated); waits for an admin's retry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// For a delayed `send`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

/// An event on its way: what a delayed `send` delivers when its timer is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub event: Name,
    pub data: Map,
    /// Who it was addressed to when it was sent.
    pub to: Vec<InstanceId>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Timer {
    /// True where the timer may fire at all: not frozen, provisional or held.
    pub fn is_live(&self) -> bool {
        self.frozen.is_none() && !self.provisional && !self.held
    }

    /// From when on an outage counts when it fires.
    pub fn watched_from(&self) -> Time {
        let end = self.watch.map(|watch| self.due.plus_millis(-watch));
        end.map_or(self.start, |end| end.max(self.start))
    }
}

/// What is left of a frozen timer. Working days are counted in working days, so that a thaw never lands on a holiday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remainder {
    Millis(i64),
    /// Whole working days, and the clock time the deadline keeps (milliseconds after local midnight).
    Workdays {
        days: u32,
        clock: i64,
    },
}

/// An open to-do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    pub id: TodoId,
    /// Path of the state that declares it.
    pub state: Name,
    /// Which entry of that state.
    pub entry: u32,
    pub opened: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// When the count to `due` began: on opening, or with the last thaw.
    pub start: Time,
    /// What was counted from `start`, so that a new calendar can count it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// The account that claimed it or was handed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<Name>,
    /// For `completion: all`: roles that have answered, with their outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<Name, Name>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// What remained until `due` when a suspension froze it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<Remainder>,
}

/// The latest rendering of one kind of document of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Counts renderings asked for, from 1.
    pub revision: u32,
    /// SHA-256 of the PDF in lower-case hex, once rendered; of the file with its latest seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Name>,
    /// SHA-256 of what was sealed, oldest first: the file as rendered, then each with one seal more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Name>,
    /// Roles whose signature was acknowledged over that digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<Name>,
}

impl Trade {
    /// The root instance. A trade always has one.
    pub fn root(&self) -> Option<&Instance> {
        self.instances.get(&self.id).map(AsRef::as_ref)
    }

    /// The earliest live timer due at or before `at`, by due time, then instance, then name.
    pub fn next_due(&self, at: Time) -> Option<(InstanceId, Name, Time)> {
        let (due, instance, name) = self.live_timers().filter(|(due, _, _)| *due <= at).min()?;
        Some((instance.clone(), name.clone(), due))
    }

    /// The due time of the last timer that fired anywhere in the trade.
    pub fn last_fired(&self) -> Option<Time> {
        self.instances.values().filter_map(|instance| instance.fired).max()
    }

    /// The due time of the earliest live timer.
    pub fn earliest_due(&self) -> Option<Time> {
        self.live_timers().map(|(due, _, _)| due).min()
    }

    fn live_timers(&self) -> impl Iterator<Item = (Time, &InstanceId, &Name)> {
        let living = self.instances.values().filter(|instance| !instance.done);
        living.flat_map(|instance| {
            let live = instance.timers.iter().filter(|(_, timer)| timer.is_live());
            live.map(|(name, timer)| (timer.due, &instance.id, name))
        })
    }
}
