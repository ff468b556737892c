//! How machines belong together: who is whose child, and who starts whom. Must not look into states beyond `invoke`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::compile::{Outline, Sources};
use super::super::diagnostic::{Diagnostic, Sink};

/// Machine to those that start it.
type Parents<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Checks the family of machines.
pub fn check(sources: &Sources, outlines: &[Outline<'_>], found: &mut Vec<Diagnostic>) {
    let parents: Parents<'_> = outlines
        .iter()
        .map(|outline| {
            let parents = outline.machine.child_of.0.iter();
            (outline.name.as_ref(), parents.map(|word| word.value.as_str()).collect())
        })
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
        let Some(child_of) = outline.machine.child_of.0.first() else {
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

/// True where a machine is among its own ancestors.
fn goes_round(name: &str, parents: &Parents<'_>) -> bool {
    let mut above: Vec<&str> = parents.get(name).cloned().unwrap_or_default();
    let mut seen = BTreeSet::new();
    while let Some(parent) = above.pop() {
        if parent == name {
            return true;
        }
        if seen.insert(parent) {
            above.extend(parents.get(parent).into_iter().flatten());
        }
    }
    false
}

fn started<'a>(outlines: &'a [Outline<'_>]) -> BTreeSet<&'a str> {
    let events = outlines.iter().flat_map(|outline| &outline.machine.events);
    let by_event = events.filter_map(|(_, event)| event.starts.as_ref());
    let states = outlines.iter().flat_map(|outline| &outline.states);
    let by_state = states.flat_map(|state| state.source.invoke.0.iter().map(|invoke| &invoke.machine));
    by_event.chain(by_state).map(|word| word.value.as_str()).collect()
}

fn starts(outline: &Outline<'_>, parents: &Parents<'_>, sink: &mut Sink<'_>) {
    for (_, event) in &outline.machine.events {
        if let Some(starts) = &event.starts
            && !parents
                .get(starts.value.as_str())
                .is_some_and(|all| all.contains(&outline.name.as_ref()))
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
