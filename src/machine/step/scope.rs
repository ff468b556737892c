//! Gives values to the names in expressions: own data, the event, the parent, counts. Must not change anything.

use std::borrow::Cow;

use super::configuration::{Configuration, active_names, configuration, has_tag, tags};
use crate::machine::Time;
use crate::machine::definition::model::{Bundle, Field, Machine, SIGNED};
use crate::machine::expression::{Reference, Scope};
use crate::machine::trade::{Instance, InstanceId, Trade};
use crate::machine::value::{Map, Name, Value};

/// What the names of an expression stand for, seen from one instance of a trade.
#[derive(Clone)]
pub struct Names<'a> {
    pub bundle: &'a Bundle,
    pub trade: &'a Trade,
    pub instance: &'a Instance,
    pub now: Time,
    /// Known while a step moves the instance; else read from its stored states.
    pub active: Option<&'a Configuration>,
    /// Payload of the event being worked on.
    pub event: Option<&'a Map>,
    pub sender: Option<&'a InstanceId>,
}

/// The value of a computed field.
///
/// # Errors
/// The expression could not be evaluated.
pub fn computed(bundle: &Bundle, trade: &Trade, instance: &Instance, field: &Field) -> Result<Value, String> {
    let names = Names::of(bundle, trade, instance);
    match &field.computed {
        Some(expression) => expression.evaluate(&names),
        None => Ok(instance.data.get(&field.name).cloned().unwrap_or_default()),
    }
}

impl<'a> Names<'a> {
    /// The names outside of any step, at the trade's own time.
    pub fn of(bundle: &'a Bundle, trade: &'a Trade, instance: &'a Instance) -> Self {
        Self {
            bundle,
            trade,
            instance,
            now: trade.now,
            active: None,
            event: None,
            sender: None,
        }
    }

    fn machine(&self, instance: &Instance) -> Result<&'a Machine, String> {
        let found = self.bundle.machines.get(&instance.machine);
        found.ok_or_else(|| format!("the bundle has no machine `{}`", instance.machine))
    }

    fn instance(&self, id: Option<&InstanceId>, what: &str) -> Result<&'a Instance, String> {
        let found = id.and_then(|id| self.trade.instances.get(id));
        found.map(AsRef::as_ref).ok_or_else(|| format!("there is no {what}"))
    }

    fn parent(&self) -> Result<&'a Instance, String> {
        self.instance(self.instance.parent.as_ref(), "parent")
    }

    fn sender(&self) -> Result<&'a Instance, String> {
        self.instance(self.sender, "sender with an instance of its own in this trade")
    }

    /// A field of any instance: stored, computed, or null where it was never set.
    fn data(&self, instance: &'a Instance, name: &str) -> Result<Value, String> {
        if let Some(value) = instance.data.get(name) {
            return Ok(value.clone());
        }
        match self
            .machine(instance)?
            .field(name)
            .and_then(|field| field.computed.as_ref())
        {
            Some(expression) if instance.id == self.instance.id => expression.evaluate(self),
            Some(expression) => expression.evaluate(&Self {
                now: self.now,
                ..Self::of(self.bundle, self.trade, instance)
            }),
            None => Ok(Value::Null),
        }
    }

    fn own(&self, name: &str) -> Value {
        let text = match name {
            "id" => Some(&self.instance.id),
            "key" => self.instance.key.as_ref(),
            "owner" => self.instance.owner.as_ref(),
            "machine" => Some(&self.instance.machine),
            _ => None,
        };
        text.cloned().map_or(Value::Null, Value::Text)
    }

    fn sender_value(&self, name: &str) -> Result<Value, String> {
        let sender = self.sender()?;
        if name == "tags" {
            return Ok(texts(tags(self.machine(sender)?, sender)));
        }
        Ok(Self::of(self.bundle, self.trade, sender).own(name))
    }

    fn tagged(&self, machine: &str, tag: &str) -> Result<Vec<&'a Instance>, String> {
        let Some(definition) = self.bundle.machines.get(machine) else {
            return Err(format!("the bundle has no machine `{machine}`"));
        };
        let instances = self.trade.instances.values().map(AsRef::as_ref);
        let of_machine = instances.filter(|instance| &*instance.machine == machine);
        Ok(of_machine
            .filter(|instance| has_tag(definition, instance, tag))
            .collect())
    }

    fn due(&self, timer: &str) -> Result<Time, String> {
        let armed = self.instance.timers.get(timer).map(|timer| timer.due);
        // The due date of a to-do can be read under the to-do's name, whether or not it is a legal timer.
        let todo = || {
            self.instance
                .todos
                .values()
                .find(|todo| ends_with(&todo.state, timer))
                .and_then(|todo| todo.due)
        };
        armed
            .or_else(todo)
            .ok_or_else(|| format!("no timer `{timer}` is running"))
    }

    fn active(&self) -> Result<Cow<'a, Configuration>, String> {
        match self.active {
            Some(active) => Ok(Cow::Borrowed(active)),
            None => Ok(Cow::Owned(configuration(self.machine(self.instance)?, self.instance))),
        }
    }
}

impl Scope for Names<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Value, String> {
        match reference {
            Reference::Data(name) => self.data(self.instance, name),
            Reference::Event(name) => Ok(self
                .event
                .and_then(|event| event.get(name))
                .cloned()
                .unwrap_or_else(|| absent(name))),
            Reference::ParentData(name) => self.data(self.parent()?, name),
            Reference::ParentTags => {
                let parent = self.parent()?;
                Ok(texts(tags(self.machine(parent)?, parent)))
            }
            Reference::RootData(name) => self.data(self.instance(Some(&self.trade.id), "root")?, name),
            Reference::Own(name) => Ok(self.own(name)),
            Reference::Sender(name) => self.sender_value(name),
            Reference::SenderData(name) => self.data(self.sender()?, name),
            Reference::Count { machine, tag } => {
                let count = self.tagged(machine, tag)?.len();
                Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Reference::Only { machine, tag } => match self.tagged(machine, tag)?.as_slice() {
                [only] => Ok(Value::Text(only.key.clone().unwrap_or_else(|| only.id.clone()))),
                _ => Ok(Value::Null),
            },
            Reference::Due(timer) => Ok(self.due(timer)?.into()),
            Reference::Left(timer) => Ok(Value::Int(self.due(timer)?.millis_since(self.now).max(0))),
            Reference::Now => Ok(self.now.into()),
            Reference::Tags => {
                let machine = self.machine(self.instance)?;
                let active = self.active()?;
                let states = active.iter().filter_map(|index| machine.states.get(*index));
                Ok(texts(states.flat_map(|state| state.tags.iter().cloned()).collect()))
            }
            Reference::Active => Ok(texts(active_names(
                self.machine(self.instance)?,
                self.active()?.as_ref(),
            ))),
        }
    }
}

/// What an event that does not carry a field says of it: nothing, but that it was not signed.
fn absent(name: &str) -> Value {
    if name == SIGNED {
        Value::Bool(false)
    } else {
        Value::Null
    }
}

fn texts(names: std::collections::BTreeSet<Name>) -> Value {
    Value::List(names.into_iter().map(Value::Text).collect())
}

/// True where the last part of a path is `name`.
fn ends_with(path: &str, name: &str) -> bool {
    path.rsplit('.').next() == Some(name)
}
