//! Lengths of time and the timers and children that a state starts. Must not compile transitions.

use super::super::diagnostic::suggestion;
use super::super::model::{Invoke, Schedule, TimerDefinition};
use super::super::source::shapes::{Located, Scalar, Word};
use super::super::source::state::TimerSource;
use super::machine::Compiler;
use super::readers;
use super::scope::Event;
use crate::machine::expression::Kind;
use crate::machine::value::Name;

impl Compiler<'_> {
    pub(super) fn timer(&mut self, name: &Word, source: &Located<TimerSource>) -> Option<TimerDefinition> {
        let when = match (&source.after, &source.until) {
            (Some(after), None) => self.after(after, &Event::None)?,
            (None, Some(until)) => Schedule::Until(self.expression(until, &Event::None, &Kind::Time)?),
            _ => {
                self.sink.error_with(
                    "timer_without_time",
                    name.at,
                    format!("the timer `{}` has exactly one of `after` and `until`", name.value),
                    "for example `after: 4 minutes` or `until: data.starts_at`",
                );
                return None;
            }
        };
        if let (Some(from), Schedule::Until(_)) = (&source.from, &when) {
            self.sink.error(
                "wrong_value",
                from.at,
                "`from` belongs to `after`; `until` is a time of its own",
            );
        }
        let from = source
            .from
            .as_ref()
            .and_then(|from| self.expression(from, &Event::None, &Kind::Time));
        let watch = source
            .watch
            .as_ref()
            .and_then(|watch| self.expression(watch, &Event::None, &Kind::Duration));
        Some(TimerDefinition {
            name: name.value.as_str().into(),
            when,
            from,
            watch,
        })
    }

    /// `4 minutes`, the name of a field, or an expression that yields a duration or a period.
    pub fn after(&mut self, source: &Located<Scalar>, event: &Event) -> Option<Schedule> {
        let text = source.value.trim();
        if let Ok(period) = text.parse() {
            return Some(Schedule::After(period));
        }
        let expression = if self.own.field(text).is_some() {
            let scalar = Located {
                at: source.at,
                value: Scalar(format!("data.{text}")),
            };
            self.expression(&scalar, event, &Kind::Any)?
        } else {
            if looks_like_clock(text) {
                self.sink.error_with(
                    "not_a_period",
                    source.at,
                    format!("`{text}` is not a length of time"),
                    "a length of time is written `4 minutes`, `7 workdays`, `1 hour`",
                );
                return None;
            }
            self.expression(source, event, &Kind::Any)?
        };
        match expression.kind() {
            Kind::Duration | Kind::Period | Kind::Zero | Kind::Any => Some(Schedule::AfterValue(expression)),
            kind if kind.fits(&Kind::Period) => Some(Schedule::AfterValue(expression)),
            other => {
                self.sink.error_with(
                    "not_a_period",
                    source.at,
                    format!("a length of time is needed here, and this is {}", other.name()),
                    "write `4 minutes`, `7 workdays`, or a field of the type `duration` or `period`",
                );
                None
            }
        }
    }

    pub(super) fn invoke(&mut self, source: &Located<super::super::source::state::InvokeSource>) -> Option<Invoke> {
        let machine = readers::known_machine(&source.machine, self.declared, &mut self.sink)?;
        let child = self.declared.machines.get(&machine)?;
        if !child.child_of.contains(&self.own.name) {
            self.sink.error_with(
                "not_a_child",
                source.machine.at,
                format!("`{machine}` is not declared as a child of `{}`", self.own.name),
                format!("add `child_of: {}` to {machine}.yaml", self.own.name),
            );
        }
        let mut copy = Vec::new();
        for word in &source.copy.0 {
            let Some(name) = self.known_field(word) else { continue };
            match (self.own.field(&name), child.field(&name)) {
                (Some(mine), Some(theirs)) if mine.fits(theirs) => copy.push(name),
                (_, Some(theirs)) => {
                    let message = format!("`{name}` is {} in `{machine}`", theirs.name());
                    self.sink.error("type_mismatch", word.at, message);
                }
                (_, None) => {
                    let message = format!("`{machine}` has no field `{name}`");
                    self.sink.error("unknown_field", word.at, message);
                }
            }
        }
        let mut with = Vec::new();
        for (name, value) in &source.with {
            let Some(kind) = child.field(&name.value) else {
                let hint = suggestion(&name.value, child.fields.iter().map(|(name, _)| name.as_ref()));
                self.sink.error_maybe(
                    "unknown_field",
                    name.at,
                    format!("`{machine}` has no field `{}`", name.value),
                    hint,
                );
                continue;
            };
            if let Some(expression) = self.expression(value, &Event::None, kind) {
                with.push((Name::from(name.value.as_str()), expression));
            }
        }
        Some(Invoke { machine, copy, with })
    }
}

fn looks_like_clock(text: &str) -> bool {
    let mut words = text.split(' ');
    let begins_with_number = words.next().is_some_and(|word| {
        word.chars()
            .all(|character| character.is_ascii_digit() || character == ':')
    });
    begins_with_number && !text.contains(['(', '+', '*', '/'])
}
