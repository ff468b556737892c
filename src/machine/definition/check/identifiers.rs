//! Identifiers are snake_case, because expressions read them; everything people see has a title. Must not look at meaning.

use super::super::diagnostic::{Diagnostic, Sink};
use super::super::source::bundle::BundleSource;
use super::super::source::shapes::Word;
use super::MachineCheck;

/// Words that CEL keeps for itself.
const RESERVED: [&str; 22] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
    "this",
];

/// Checks the names that `bundle.yaml` gives.
pub fn bundle(source: &BundleSource, found: &mut Vec<Diagnostic>) {
    let mut sink = Sink {
        file: "bundle.yaml",
        found,
    };
    for (name, role) in &source.roles {
        plain(name, "role", &mut sink);
        titled(role.title.as_ref(), name, &mut sink);
    }
    for (name, document) in &source.documents {
        plain(name, "document", &mut sink);
        titled(document.title.as_ref(), name, &mut sink);
    }
    for (name, _) in &source.refusals {
        plain(name, "refusal", &mut sink);
    }
    for (name, movement) in &source.ledger {
        plain(name, "movement", &mut sink);
        titled(movement.title.as_ref(), name, &mut sink);
    }
    for (name, _) in &source.hooks {
        plain(name, "hook", &mut sink);
    }
}

impl MachineCheck<'_> {
    /// Reports names that are no identifiers or have a meaning of their own, and titles that are missing.
    pub fn identifiers(&mut self) {
        let source = self.outline.machine;
        let sink = &mut self.sink;
        plain(&source.machine, "machine", sink);
        titled(source.title.as_ref(), &source.machine, sink);
        for (name, field) in &source.data {
            plain(name, "field", sink);
            titled(field.title.as_ref(), name, sink);
        }
        for (name, event) in &source.events {
            dotted(name, "event", sink);
            titled(event.title.as_ref(), name, sink);
        }
        for (name, _) in source.conditions.iter().chain(&source.invariants) {
            plain(name, "condition", sink);
        }
        for state in self.outline.states.iter().skip(1) {
            let name = Word {
                at: state.at,
                value: state.name.to_string(),
            };
            plain(&name, "state", sink);
            if state.source.kind.as_ref().is_none_or(|kind| kind.value != "history") {
                titled(state.source.title.as_ref(), &name, sink);
            }
            for tag in &state.source.tags.0 {
                plain(tag, "tag", sink);
            }
            for (timer, _) in &state.source.timers {
                plain(timer, "timer", sink);
            }
            for (outcome, _) in state.source.todo.iter().flat_map(|todo| &todo.outcomes) {
                plain(outcome, "outcome", sink);
            }
        }
    }
}

fn titled(title: Option<&String>, name: &Word, sink: &mut Sink<'_>) {
    if title.is_none_or(|title| title.trim().is_empty()) {
        sink.warning(
            "missing_title",
            name.at,
            format!("`{}` has no title; people would see the identifier", name.value),
            "add `title: …`",
        );
    }
}

fn plain(word: &Word, what: &str, sink: &mut Sink<'_>) {
    if !is_snake(&word.value) {
        bad(word, what, sink);
    } else if RESERVED.contains(&word.value.as_str()) && what == "field" {
        sink.error_with(
            "bad_identifier",
            word.at,
            format!("`{}` has a meaning of its own in expressions", word.value),
            "take another name",
        );
    }
}

fn dotted(word: &Word, what: &str, sink: &mut Sink<'_>) {
    if !word.value.split('.').all(is_snake) {
        bad(word, what, sink);
    }
}

fn bad(word: &Word, what: &str, sink: &mut Sink<'_>) {
    sink.error_with(
        "bad_identifier",
        word.at,
        format!("`{}` is not an identifier for a {what}", word.value),
        "an identifier has small letters, digits and `_`, and begins with a letter; Chinese stands in `title`",
    );
}

fn is_snake(word: &str) -> bool {
    word.len() <= 64
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
