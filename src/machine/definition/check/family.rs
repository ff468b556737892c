//! How machines belong together: who is whose child, and who starts whom. Must not look into states beyond `invoke`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::compile::{Outline, Sources};
use super::super::diagnostic::{Diagnostic, Sink};

/// Checks the family of machines.
pub fn check(sources: &Sources, outlines: &[Outline<'_>], found: &mut Vec<Diagnostic>) {
    let parents: BTreeMap<&str, &str> = outlines
        .iter()
        .filter_map(|outline| Some((outline.name.as_ref(), outline.machine.child_of.as_ref()?.value.as_str())))
        .collect();
    let root = sources.bundle.root.value.as_str();
    let started = started(outlines);
    for outline in outlines {
        let mut sink = Sink {
            file: outline.file,
            found,
        };
        let name = outline.name.as_ref();
        if !sources.broken {
            starts(outline, &parents, &mut sink);
        }
        let Some(child_of) = &outline.machine.child_of else {
            continue;
        };
        if name == root {
            let message = format!("the root machine `{name}` is nobody's child");
            sink.error("root_is_child", child_of.at, message);
        } else if goes_round(name, &parents) {
            let message = format!("`{name}` is a descendant of itself");
            sink.error("child_cycle", child_of.at, message);
        } else if !started.contains(name) {
            sink.warning(
                "never_started",
                outline.machine.machine.at,
                format!("nothing starts the machine `{name}`"),
                format!("the parent says `invoke: {{machine: {name}}}`, or declares an event with `starts: {name}`"),
            );
        }
    }
}

fn goes_round(name: &str, parents: &BTreeMap<&str, &str>) -> bool {
    let mut current = name;
    for _ in 0..=parents.len() {
        match parents.get(current) {
            None => return false,
            Some(parent) if *parent == name => return true,
            Some(parent) => current = parent,
        }
    }
    true
}

fn started<'a>(outlines: &'a [Outline<'_>]) -> BTreeSet<&'a str> {
    let events = outlines.iter().flat_map(|outline| &outline.machine.events);
    let by_event = events.filter_map(|(_, event)| event.starts.as_ref());
    let states = outlines.iter().flat_map(|outline| &outline.states);
    let by_state = states.flat_map(|state| state.source.invoke.0.iter().map(|invoke| &invoke.machine));
    by_event.chain(by_state).map(|word| word.value.as_str()).collect()
}

fn starts(outline: &Outline<'_>, parents: &BTreeMap<&str, &str>, sink: &mut Sink<'_>) {
    for (_, event) in &outline.machine.events {
        if let Some(starts) = &event.starts
            && parents.get(starts.value.as_str()) != Some(&outline.name.as_ref())
        {
            sink.error_with(
                "not_a_child",
                starts.at,
                format!("`{}` is not declared as a child of `{}`", starts.value, outline.name),
                format!("add `child_of: {}` to {}.yaml", outline.name, starts.value),
            );
        }
    }
}
