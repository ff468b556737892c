//! One machine: its head, data and events, and then its states. Must not decide what happens between machines.

use std::collections::BTreeSet;

use super::super::diagnostic::{At, Diagnostic, Sink};
use super::super::model::{EventDefinition, Field, Machine, Readers, SIGNATURE, SIGNED, Type};
use super::super::source::machine::{EventSource, FieldSource, RecordSource};
use super::super::source::shapes::{Literal, Located, Scalar, Word};
use super::declarations::{Declarations, MachineDeclarations};
use super::scope::{Event, Place};
use super::skeleton::Outline;
use super::{data, readers, states};
use crate::machine::expression::{Expression, ExpressionFault, Kind, ROOTS};
use crate::machine::value::{Name, Value};

/// Compiles one machine. Faulty parts are reported and left out.
pub fn compile(declared: &Declarations, outline: &Outline<'_>, found: &mut Vec<Diagnostic>) -> Machine {
    let mut compiler = Compiler {
        declared,
        own: &declared.machines[&outline.name],
        outline,
        sink: Sink {
            file: outline.file,
            found,
        },
    };
    compiler.machine()
}

/// Compiles all named conditions once, where each is written. A faulty one counts as true from then on, so that its fault is not told
/// again wherever it is used.
pub fn conditions(declared: &mut Declarations, outlines: &[Outline<'_>], found: &mut Vec<Diagnostic>) {
    for outline in outlines {
        let mut sink = Sink {
            file: outline.file,
            found,
        };
        let mut faulty = Vec::new();
        for (name, condition) in &outline.machine.conditions {
            // Which event is at hand is known where the condition is used, and checked there again.
            let place = Place {
                bundle: declared,
                own: &declared.machines[&outline.name],
                event: &Event::Open,
            };
            if ROOTS.contains(&name.value.as_str()) {
                sink.error(
                    "reserved_name",
                    name.at,
                    format!("`{}` has a meaning of its own", name.value),
                );
            }
            if let Err(faults) = Expression::compile_as(&condition.expression.value, &place, &Kind::Bool) {
                report(faults, condition.expression.at, &mut sink);
                faulty.push(name.value.clone());
            }
        }
        if let Some(machine) = declared.machines.get_mut(&outline.name) {
            machine
                .conditions
                .extend(faulty.into_iter().map(|name| (name, "true".to_owned())));
        }
    }
}

fn report(faults: Vec<ExpressionFault>, at: At, sink: &mut Sink<'_>) {
    for fault in faults {
        let at = fault.offset.map_or(at, |offset| at.inside(offset));
        sink.error_maybe(fault.code, at, fault.message, fault.hint);
    }
}

/// Compiles the parts of one machine.
pub struct Compiler<'a> {
    pub declared: &'a Declarations,
    pub own: &'a MachineDeclarations,
    pub outline: &'a Outline<'a>,
    pub sink: Sink<'a>,
}

impl Compiler<'_> {
    fn machine(&mut self) -> Machine {
        let source = self.outline.machine;
        if let Some(one_per) = &source.one_per
            && one_per.value != "owner"
        {
            self.sink.error_with(
                "wrong_value",
                one_per.at,
                "`one_per` is `owner`",
                "write `one_per: owner`",
            );
        }
        if let Some(key) = &source.key
            && key.value != "random"
        {
            self.sink
                .error_with("wrong_value", key.at, "`key` is `random`", "write `key: random`");
        }
        let parents = source.child_of.0.iter();
        let child_of = parents
            .filter_map(|word| readers::known_machine(word, self.declared, &mut self.sink))
            .collect();
        let data = source
            .data
            .iter()
            .map(|(name, field)| self.field(name, field))
            .collect();
        let events: Vec<EventDefinition> = source
            .events
            .iter()
            .map(|(name, event)| self.event(name, event))
            .collect();
        let invariants = self.invariants();
        Machine {
            name: self.outline.name.clone(),
            title: source.title.clone().unwrap_or_else(|| source.machine.value.clone()),
            child_of,
            one_per_owner: source.one_per.is_some(),
            keyed: source.key.is_some(),
            record: self.record_readers(),
            session: self.session(),
            visible: readers::readers(&source.visible, self.declared, Some(self.own), &mut self.sink),
            read: readers::readers(&source.read, self.declared, Some(self.own), &mut self.sink),
            data,
            events: events.into_iter().map(|event| (event.name.clone(), event)).collect(),
            invariants,
            states: states::compile(self),
            by_path: self.outline.by_path.clone(),
        }
    }

    /// Who may read the record before the end, where one is kept.
    fn record_readers(&mut self) -> Option<Readers> {
        match self.outline.machine.record.as_ref()? {
            RecordSource::Kept(false) => None,
            RecordSource::Kept(true) => Some(Readers::default()),
            RecordSource::ReadBy(source) => Some(readers::readers(
                &source.read,
                self.declared,
                Some(self.own),
                &mut self.sink,
            )),
        }
    }

    fn field(&mut self, name: &Word, field: &Located<FieldSource>) -> Field {
        let kind = self.own.field_type(&name.value).cloned().unwrap_or(Type::Text);
        let default = field
            .default
            .as_ref()
            .and_then(|default| data::literal(&default.value, &kind, default.at, &mut self.sink));
        let computed = field
            .computed
            .as_ref()
            .and_then(|value| self.expression(value, &Event::None, &Kind::from(&kind)));
        if field.computed.is_some() && field.default.is_some() {
            self.sink.error(
                "computed_with_default",
                name.at,
                format!("`{}` is computed and has a default", name.value),
            );
        }
        if let Type::Key(machine) = &kind {
            let at = field.kind.at;
            let word = Located {
                at,
                value: machine.to_string(),
            };
            readers::known_machine(&word, self.declared, &mut self.sink);
        }
        Field {
            name: name.value.as_str().into(),
            title: field.title.clone().unwrap_or_else(|| name.value.clone()),
            labels: self.labels(field, &kind),
            kind,
            optional: field.optional,
            default,
            computed,
            readers: field
                .read
                .as_ref()
                .map(|read| readers::readers(read, self.declared, Some(self.own), &mut self.sink)),
            listed: field.list,
        }
    }

    fn labels(&mut self, field: &Located<FieldSource>, kind: &Type) -> Vec<String> {
        let options: &[Name] = match kind {
            Type::Enumeration(options) => options,
            _ => &[],
        };
        match &field.labels {
            None => options.iter().map(ToString::to_string).collect(),
            Some(labels) => {
                if labels.value.len() != options.len() {
                    let message = format!("{} labels for {} options", labels.value.len(), options.len());
                    self.sink.error("labels_do_not_match", labels.at, message);
                }
                labels.value.clone()
            }
        }
    }

    fn event(&mut self, name: &Word, event: &Located<EventSource>) -> EventDefinition {
        let payload = event
            .payload
            .iter()
            .map(|(name, kind)| {
                // Faults of these types were reported when they were declared.
                let mut unheard = Vec::new();
                let mut quiet = Sink {
                    file: self.outline.file,
                    found: &mut unheard,
                };
                (Name::from(name.value.as_str()), data::simple_type(kind, &mut quiet))
            })
            .collect::<Vec<_>>();
        let carried = || event.payload.iter().map(|(name, _)| name).chain(&event.form.0);
        for word in carried().filter(|word| word.value == SIGNATURE) {
            self.sink.error_with(
                "reserved_name",
                word.at,
                "`signature` is where a sender's signature stands beside the payload",
                "choose another name",
            );
        }
        for word in carried().filter(|word| word.value == SIGNED) {
            self.sink.error_with(
                "reserved_name",
                word.at,
                "`event.signed` says whether the sender signed the event; no sender can say so themselves",
                "choose another name",
            );
        }
        let optional = self.payload_fields(&payload, &event.optional.0);
        let concealed = self.payload_fields(&payload, &event.conceal.0);
        let carried = Event::Known(self.own.events.get(name.value.as_str()).cloned().unwrap_or_default());
        EventDefinition {
            name: name.value.as_str().into(),
            title: event.title.clone().unwrap_or_else(|| name.value.clone()),
            from: readers::known_roles(&event.from.0, self.declared, &mut self.sink),
            not_from: readers::known_roles(&event.not_from.0, self.declared, &mut self.sink),
            payload,
            optional,
            concealed,
            form: self.fields(&event.form.0),
            starts: event
                .starts
                .as_ref()
                .and_then(|word| readers::known_machine(word, self.declared, &mut self.sink)),
            while_tag: event.while_tag.as_ref().map(|tag| self.tag(tag)),
            otherwise: event.otherwise.as_ref().map(|code| self.refusal(code)),
            keep_refusals: event.keep_refusals,
            late_for: event
                .late_for
                .as_ref()
                .and_then(|word| readers::known_machine(word, self.declared, &mut self.sink)),
            once: event
                .once
                .as_ref()
                .and_then(|once| self.expression(once, &carried, &Kind::Any)),
            refuse: self.refused_starts(name, event, &carried),
        }
    }

    /// What may not be started. Other events are refused by the transitions that take them.
    fn refused_starts(&mut self, name: &Word, event: &EventSource, carried: &Event) -> Vec<(Expression, Name)> {
        if let (Some(first), true) = (event.refuse.first(), name.value != "start") {
            self.sink.error_with(
                "wrong_value",
                first.at,
                "`refuse` belongs to `start`",
                "other events are refused by a transition with `guard` and `reject`",
            );
        }
        let rules = event.refuse.iter();
        rules
            .filter_map(|rule| {
                let guard = self.expression(&rule.guard, carried, &Kind::Bool)?;
                Some((guard, self.refusal(&rule.reject)))
            })
            .collect()
    }

    /// Names of payload fields; others are reported.
    fn payload_fields(&mut self, payload: &[(Name, Type)], words: &[Word]) -> BTreeSet<Name> {
        let mut found = BTreeSet::new();
        for word in words {
            if payload.iter().any(|(name, _)| **name == *word.value) {
                found.insert(Name::from(word.value.as_str()));
            } else {
                self.sink
                    .error("unknown_field", word.at, format!("the payload has no `{}`", word.value));
            }
        }
        found
    }

    fn invariants(&mut self) -> Vec<(Name, Expression)> {
        let invariants = &self.outline.machine.invariants;
        invariants
            .iter()
            .filter_map(|(name, condition)| {
                let scalar = Located {
                    at: condition.expression.at,
                    value: Scalar(condition.expression.value.clone()),
                };
                let expression = self.expression(&scalar, &Event::None, &Kind::Bool)?;
                Some((Name::from(name.value.as_str()), expression))
            })
            .collect()
    }

    /// Compiles an expression that must yield `wanted`, or reports why it cannot be.
    pub fn expression(&mut self, source: &Located<Scalar>, event: &Event, wanted: &Kind) -> Option<Expression> {
        let place = Place {
            bundle: self.declared,
            own: self.own,
            event,
        };
        match Expression::compile_as(&source.value, &place, wanted) {
            Ok(expression) => Some(expression),
            Err(faults) => {
                report(faults, source.at, &mut self.sink);
                None
            }
        }
    }

    /// A literal for a field of the data.
    pub fn literal_for(&mut self, field: &Name, literal: &Located<Literal>) -> Option<Value> {
        let kind = self.own.field_type(field)?.clone();
        data::literal(&literal.value, &kind, literal.at, &mut self.sink)
    }
}
