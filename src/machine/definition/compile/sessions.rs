//! What a machine takes of a capacity. Must not say when one is full.

use std::collections::BTreeSet;

use super::super::diagnostic::suggestion;
use super::super::model::SessionDefinition;
use super::super::source::shapes::{Located, Scalar};
use super::machine::Compiler;
use super::scope::Event;
use crate::machine::expression::{Expression, Kind, Reference};
use crate::machine::value::Name;

impl Compiler<'_> {
    pub(super) fn session(&mut self) -> Option<SessionDefinition> {
        let source = self.outline.machine.session.as_ref()?;
        let of = &source.of;
        if !self.declared.capacities.contains(&of.value) {
            let hint = suggestion(&of.value, self.declared.capacities.iter().map(String::as_str));
            let message = format!("the bundle declares no capacity `{}`", of.value);
            let add = || "add it under `capacities` in bundle.yaml, with its `limit`".to_owned();
            self.sink
                .error_with("unknown_capacity", of.at, message, hint.unwrap_or_else(add));
        }
        let mut reads = BTreeSet::new();
        let condition = self.steady(&source.condition, &Kind::Bool, &mut reads);
        let from = self.steady(&source.from, &Kind::Time, &mut reads);
        let until = self.steady(&source.until, &Kind::Time, &mut reads);
        Some(SessionDefinition {
            of: of.value.as_str().into(),
            title: self.expression(&source.title, &Event::None, &Kind::Text)?,
            condition: condition?,
            from: from?,
            until: until?,
            reads,
        })
    }

    /// An expression that yields another value only when the instance's own data or states do.
    fn steady(&mut self, source: &Located<Scalar>, wanted: &Kind, reads: &mut BTreeSet<Name>) -> Option<Expression> {
        let expression = self.expression(source, &Event::None, wanted)?;
        let data = &self.outline.machine.data;
        let is_computed = |name: &str| data.get(name).is_some_and(|field| field.computed.is_some());
        for reference in &expression.references {
            match reference {
                Reference::Data(name) if !is_computed(name) => {
                    reads.insert(name.clone());
                }
                Reference::Tags | Reference::Active => {}
                other => {
                    self.sink.error_with(
                        "unsteady_session",
                        source.at,
                        format!("a session cannot depend on `{other}`: it moves only with the instance's own data and states"),
                        "assign what is needed to a field when it changes, and read `data.…` here",
                    );
                    return None;
                }
            }
        }
        Some(expression)
    }
}
