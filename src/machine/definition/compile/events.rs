//! What is known of the event that takes a transition: the payload of declared events, and of those the platform raises itself.
//! Must not compile transitions.

use super::super::model::Trigger;
use super::declarations::{Declarations, MachineDeclarations};
use super::scope::Event;
use crate::machine::expression::Kind;
use crate::machine::value::Name;

/// The trigger that a key of `on` names.
pub fn trigger(event: &str) -> Trigger {
    match event.strip_suffix(".*") {
        _ if event == "*" => Trigger::Any,
        Some(prefix) => Trigger::Prefix(prefix.into()),
        None => Trigger::Event(event.into()),
    }
}

/// What the event carries, as far as it is declared.
pub fn carried(event: &str, own: &MachineDeclarations, declared: &Declarations) -> Event {
    if let Some(fields) = own.events.get(event) {
        return Event::Known(fields.clone());
    }
    if let Some(known) = platform(event, declared) {
        return known;
    }
    match declared.sent.get(event) {
        Some(fields) => Event::Known(fields.iter().map(|name| (name.as_str().into(), Kind::Any)).collect()),
        None => Event::Open,
    }
}

/// Events that the platform raises itself, with what they carry.
pub fn platform(event: &str, declared: &Declarations) -> Option<Event> {
    let words: Vec<&str> = event.split('.').collect();
    let known = |fields: &[(&str, Kind)]| {
        Event::Known(
            fields
                .iter()
                .map(|(name, kind)| (Name::from(*name), kind.clone()))
                .collect(),
        )
    };
    Some(match words.as_slice() {
        ["timer", .., "moved"] => known(&[("why", options(&["calendar", "thawed"])), ("due", Kind::Time)]),
        ["timer", ..] => timer(),
        ["document", _, "ready"] => known(&[("revision", Kind::Int), ("sha256", Kind::Text), ("number", Kind::Text)]),
        ["thawed" | "frozen"] => known(&[]),
        ["late"] => known(&[("event", Kind::Text), ("stamp", Kind::Time), ("due", Kind::Time)]),
        ["session", "full"] => known(&[
            ("from", Kind::Time),
            ("until", Kind::Time),
            ("limit", Kind::Int),
            ("taken", Kind::Int),
            ("next", Kind::Time),
        ]),
        ["todo", ..] => Event::Open,
        ["done", machine] if declared.machines.contains_key(*machine) => done(machine, declared),
        ["done", ..] => Event::Open,
        _ => return None,
    })
}

fn options(words: &[&str]) -> Kind {
    Kind::Options(words.iter().map(|word| Name::from(*word)).collect())
}

/// What a timer's `then` may read.
pub fn timer() -> Event {
    Event::Known(vec![
        ("outage".into(), Kind::Duration),
        ("late".into(), Kind::Duration),
        ("broken".into(), Kind::Bool),
        ("timer".into(), Kind::Text),
    ])
}

/// A child that ended: the name of its final state, and its output.
fn done(machine: &str, declared: &Declarations) -> Event {
    let mut fields: Vec<(Name, Kind)> = ["state", "key", "id", "owner"]
        .map(|name| (name.into(), Kind::Text))
        .into();
    if let Some(machine) = declared.machines.get(machine) {
        fields.extend(machine.outputs.iter().map(|name| (name.clone(), Kind::Any)));
    }
    Event::Known(fields)
}
