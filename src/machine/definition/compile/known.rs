//! Words of a machine that must be declared somewhere: its fields and tags, and the refusals of the bundle. Must not compile what
//! they stand in.

use super::super::diagnostic::suggestion;
use super::super::source::shapes::Word;
use super::machine::Compiler;
use crate::machine::value::Name;

/// Refusals that every machine knows; a bundle may declare them to give them words of its own.
const GENERIC: [&str; 15] = [
    "forbidden",
    "not_now",
    "suspended",
    "unknown_event",
    "invalid",
    "digest_mismatch",
    "seal_required",
    "already_started",
    "already_open",
    "todo_closed",
    "todo_claimed",
    "same_person",
    "interested_party",
    "ended",
    "session_full",
];

impl Compiler<'_> {
    /// Fields of the machine's data by name.
    pub fn fields(&mut self, words: &[Word]) -> Vec<Name> {
        words.iter().filter_map(|word| self.known_field(word)).collect()
    }

    /// A field of the machine by its name; reports one that it does not have.
    pub fn known_field(&mut self, word: &Word) -> Option<Name> {
        if self.own.field(&word.value).is_some() {
            return Some(word.value.as_str().into());
        }
        let hint = suggestion(&word.value, self.own.fields.iter().map(|(name, _)| name.as_ref()));
        let message = format!("the machine `{}` has no field `{}`", self.own.name, word.value);
        self.sink.error_maybe("unknown_field", word.at, message, hint);
        None
    }

    /// A tag of the machine; reports one that no state carries.
    pub fn tag(&mut self, word: &Word) -> Name {
        if !self.own.tags.contains(word.value.as_str()) {
            let hint = suggestion(&word.value, self.own.tags.iter().map(AsRef::as_ref));
            self.sink.error_maybe(
                "unknown_tag",
                word.at,
                format!("no state carries the tag `{}`", word.value),
                hint,
            );
        }
        word.value.as_str().into()
    }

    /// The code of a refusal; reports one that the bundle does not declare.
    pub fn refusal(&mut self, word: &Word) -> Name {
        if !self.declared.refusals.contains(&word.value) && !GENERIC.contains(&word.value.as_str()) {
            let hint = suggestion(&word.value, self.declared.refusals.iter().map(String::as_str))
                .unwrap_or_else(|| "add it under `refusals` in bundle.yaml, with the sentence people are told".into());
            let message = format!("the bundle declares no refusal `{}`", word.value);
            self.sink.error_with("unknown_refusal", word.at, message, hint);
        }
        word.value.as_str().into()
    }
}
