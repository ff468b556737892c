//! Which states of an instance a reader may know of, and what follows from them: tags and due times.
//! Must not decide whether the instance itself may be seen.

use std::collections::BTreeSet;

use super::{Reader, admits};
use crate::machine::definition::model::{Bundle, Machine, State};
use crate::machine::trade::{Instance, Timer, Trade};
use crate::machine::value::{Map, Name, Value};

/// States with this tag, and what lies below them, are seen by those who may read the machine itself: that money is owed to
/// somebody tells that somebody has registered.
const INTERNAL: &str = "internal";

/// Whether the reader may know of a state: what is tagged `internal`, and all within it, is for those alone who read the machine.
#[must_use]
pub fn may_know(bundle: &Bundle, trade: &Trade, instance: &Instance, state: &State, reader: Reader<'_>) -> bool {
    let internal = |state: &State| state.tags.iter().any(|tag| &**tag == INTERNAL);
    bundle.machines.get(&instance.machine).is_some_and(|machine| {
        !machine.lineage(state.index).any(internal) || admits(bundle, trade, instance, &machine.read, reader)
    })
}

/// The active states that the reader may know of.
pub(super) fn shown_states<'a>(
    bundle: &Bundle,
    trade: &Trade,
    instance: &Instance,
    machine: &'a Machine,
    reader: Reader<'_>,
) -> Vec<&'a State> {
    let active = instance.states.iter().filter_map(|path| machine.state_at(path));
    active
        .filter(|state| may_know(bundle, trade, instance, state, reader))
        .collect()
}

pub(super) fn states(active: &[&State]) -> Value {
    let state = |state: &&State| {
        Value::Map(Map::from([
            ("path".into(), state.path.clone().into()),
            ("title".into(), state.title.as_str().into()),
        ]))
    };
    Value::List(active.iter().map(state).collect())
}

pub(super) fn tags(machine: &Machine, active: &[&State]) -> Value {
    let tags: BTreeSet<&Name> = active
        .iter()
        .flat_map(|state| machine.lineage(state.index))
        .flat_map(|state| &state.tags)
        .collect();
    Value::List(tags.into_iter().cloned().map(Value::Text).collect())
}

/// When the timers are due that belong to states the reader may know of: a hidden state's would give it away.
pub(super) fn due(bundle: &Bundle, trade: &Trade, instance: &Instance, machine: &Machine, reader: Reader<'_>) -> Map {
    let show = |timer: &Timer| {
        Value::Map(Map::from([
            (
                "at".into(),
                if timer.frozen.is_some() {
                    Value::Null
                } else {
                    timer.due.into()
                },
            ),
            ("provisional".into(), timer.provisional.into()),
            ("frozen".into(), timer.frozen.is_some().into()),
        ]))
    };
    let known = |timer: &Timer| {
        let state = machine.state_at(&timer.state);
        state.is_some_and(|state| may_know(bundle, trade, instance, state, reader))
    };
    // Delayed messages are timers too, but of no meaning to a reader.
    let timers = instance.timers.iter();
    let timers = timers.filter(|(_, timer)| timer.message.is_none() && known(timer));
    timers.map(|(name, timer)| (name.clone(), show(timer))).collect()
}
