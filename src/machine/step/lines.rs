//! What the record of an instance says of one entry: facts without anybody's identity. Must not chain, sign or store them:
//! the room `record` does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::accept;
use super::types::{Answer, Cause, Effect, Input};
use super::work::Work;
use crate::machine::Time;
use crate::machine::definition::model::{EventDefinition, Type};
use crate::machine::history::Entry;
use crate::machine::trade::{Instance, InstanceId, Trade};
use crate::machine::value::{Map, Name};

/// One entry as the record of one instance tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub instance: InstanceId,
    /// When the event reached the platform; for a timer, when it was due.
    pub arrived: Time,
    /// The trade's time as of which it was decided: the later of its arrival and of all that was decided before.
    pub decided: Time,
    /// As the history calls it.
    pub event: Name,
    /// The machine it was meant for, where that was another instance of the trade.
    pub of: Option<Name>,
    /// The sender's key; nothing for timers, staff and senders without one.
    pub by: Option<Name>,
    /// The declared payload, of types that can name nobody.
    pub data: Map,
    pub outcome: Outcome,
    /// What the definition entered in the record with this entry.
    pub facts: Vec<Fact>,
    /// Active states afterwards.
    pub phase: Vec<Name>,
    /// What may still fire afterwards, and when.
    pub due: BTreeMap<Name, Time>,
    /// A suspension holds the instance.
    pub frozen: bool,
    /// The instance has ended with it: the line that ends its record.
    pub done: bool,
    /// The instance had ended before: an event that came too late.
    pub after: bool,
    /// SHA-256 of the signature that the event carried, as it was sent (base64 text), lower-case hex.
    pub signature: Option<Name>,
    /// Hash of the trade's history entry.
    pub history: Name,
}

/// How an entry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// With the refusal's code.
    Refused(Name),
    /// The machinery failed; a timer waits for somebody to look at it.
    Failed,
}

/// An entry of a kind that the definition names, with its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    pub kind: Name,
    pub data: Map,
}

impl Work<'_> {
    /// The lines that an entry adds to the records of the trade's instances. To the record of one that has ended comes only what
    /// was sent to it too late: whoever sent it has a line as everybody else, and what stands before the end stays as it is.
    pub(super) fn lines(&self, input: &Input, answer: &Answer, entry: &Entry) -> Vec<Line> {
        if self.bundle.machines.values().all(|machine| machine.record.is_none()) {
            return Vec::new();
        }
        let mut concerned = self.touched().clone();
        concerned.insert(input.instance.clone());
        let instances = concerned.iter().filter_map(|id| self.trade.instances.get(id));
        let recorded = instances.filter(|instance| {
            let machine = self.bundle.machines.get(&instance.machine);
            let was_sent = || instance.id == input.instance && matches!(input.cause, Cause::Event { .. });
            machine.is_some_and(|machine| machine.record.is_some())
                && (!instance.done || moved(entry, instance) || was_sent())
        });
        recorded
            .map(|instance| self.line(instance, input, answer, entry))
            .collect()
    }

    fn line(&self, instance: &Instance, input: &Input, answer: &Answer, entry: &Entry) -> Line {
        let own = input.instance == instance.id;
        let ends = moved(entry, instance);
        let declared = match &input.cause {
            Cause::Event { name, payload, .. } if own => self.declared(instance, name).map(|found| (found, payload)),
            _ => None,
        };
        let sender = declared.and_then(|(definition, _)| accept::sender(self, definition));
        let sender = sender.and_then(|id| self.trade.instances.get(&id));
        Line {
            instance: instance.id.clone(),
            arrived: input.at,
            decided: self.now,
            event: entry.public.event.clone(),
            of: (!own).then(|| machine_of(&self.trade, &input.instance)).flatten(),
            by: sender.and_then(|sender| sender.key.clone()),
            data: declared.map_or_else(Map::new, |(definition, payload)| nameless(definition, payload)),
            outcome: match answer {
                Answer::Taken { .. } | Answer::Repeated => Outcome::Accepted,
                Answer::Refused(refusal) => Outcome::Refused(refusal.code.clone()),
                Answer::Failed(_) => Outcome::Failed,
            },
            facts: self.facts(&instance.id),
            phase: instance.states.clone(),
            due: due(instance),
            frozen: instance.frozen,
            done: instance.done && ends,
            after: instance.done && !ends,
            signature: signature(input),
            history: entry.hash.clone(),
        }
    }

    fn declared(&self, instance: &Instance, event: &Name) -> Option<&EventDefinition> {
        self.bundle.machines.get(&instance.machine)?.events.get(event)
    }

    fn facts(&self, id: &InstanceId) -> Vec<Fact> {
        let own = self.effects.iter().filter_map(|effect| match effect {
            Effect::Recorded {
                instance, kind, data, ..
            } if instance == id => Some(Fact {
                kind: kind.clone(),
                data: data.clone(),
            }),
            _ => None,
        });
        own.collect()
    }
}

/// True where the entry took a transition of the instance: of one that is done, the one that ended it.
fn moved(entry: &Entry, instance: &Instance) -> bool {
    let mut transitions = entry.public.transitions.iter();
    transitions.any(|taken| taken.instance == instance.id)
}

fn machine_of(trade: &Trade, id: &InstanceId) -> Option<Name> {
    trade.instances.get(id).map(|instance| instance.machine.clone())
}

/// A signature holds randomness, so that its digest tells nothing of who made it.
fn signature(input: &Input) -> Option<Name> {
    match &input.cause {
        Cause::Event { signed, .. } => {
            let signed = signed.as_ref()?;
            Some(hex::encode(Sha256::digest(signed.value.as_bytes())).into())
        }
        _ => None,
    }
}

fn due(instance: &Instance) -> BTreeMap<Name, Time> {
    let live = instance.timers.iter().filter(|(_, timer)| timer.is_live());
    let due = live.map(|(name, timer)| (name.clone(), timer.due));
    if instance.done { BTreeMap::new() } else { due.collect() }
}

/// Declared payload fields that are no secret, whose type leaves no room for a name, and whose value is of that type. Anything
/// else that was sent is in the history's private part alone.
fn nameless(definition: &EventDefinition, payload: &Map) -> Map {
    let open = definition.payload.iter();
    let open = open.filter(|(name, _)| !definition.concealed.contains(name));
    let shown = open.filter_map(|(name, kind)| {
        let value = payload.get(name)?;
        let fits = match kind {
            Type::Money | Type::Int | Type::Time | Type::Duration => value.as_int().is_some(),
            Type::Bool => value.as_bool().is_some(),
            Type::Enumeration(options) => {
                let word = value.as_text();
                word.is_some_and(|word| options.iter().any(|option| &**option == word))
            }
            _ => false,
        };
        fits.then(|| (name.clone(), value.clone()))
    });
    shown.collect()
}
