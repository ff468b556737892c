//! What a definition says to do on a transition, entry or exit. Must not move the instance: that is what targets are for.

use super::forms;
use super::run::Run;
use super::types::{Effect, Fault};
use crate::machine::definition::model::{Action, Address, Schedule};
use crate::machine::expression::Expression;
use crate::machine::trade::{InstanceId, Message, Timer};
use crate::machine::value::{Map, Name, Value};

/// What an event that is sent carries, and where it goes.
struct Sending<'a> {
    to: &'a Address,
    event: &'a Name,
    data: &'a [(Name, Expression)],
}

impl<'a> Run<'_, 'a> {
    /// Actions one after the other; a later one sees what an earlier one changed.
    pub fn perform(&mut self, actions: &'a [Action]) -> Result<(), Fault> {
        actions.iter().try_for_each(|action| self.act(action))
    }

    fn act(&mut self, action: &'a Action) -> Result<(), Fault> {
        match action {
            Action::Assign(fields) => fields.iter().try_for_each(|(field, value)| {
                let value = self.evaluate(value)?;
                self.assign(field, value)
            }),
            Action::Set(fields) => fields
                .iter()
                .try_for_each(|(field, value)| self.assign(field, value.clone())),
            Action::Raise { event, data } => {
                let data = self.values(data)?;
                self.raise(event.clone(), data);
                Ok(())
            }
            Action::Send {
                to,
                event,
                data,
                after,
                id,
            } => {
                let sending = Sending { to, event, data };
                match after {
                    None => self.send(&sending),
                    Some(after) => self.send_later(&sending, after, id.as_ref()),
                }
            }
            Action::Cancel(id) => self.cancel_send(id),
            Action::If(branches) => self.choose(branches),
            Action::Document(name) => self.ask_for_document(name),
            Action::Reset { timer, after } => self.reset(timer, after.as_ref()),
            Action::Log(value) => self.evaluate(value).map(drop),
            Action::Ledger { movements, reference } => self.post(movements, reference.as_ref()),
            Action::Notify { .. }
            | Action::Webhook { .. }
            | Action::Publish(_)
            | Action::Record { .. }
            | Action::Relist { .. } => {
                let effect = self.effect(action)?;
                self.work.effects.extend(effect);
                Ok(())
            }
        }
    }

    /// Assigns a field. A value of another type is a fault of the definition, not of the person.
    fn assign(&mut self, field: &Name, value: Value) -> Result<(), Fault> {
        if let Some(declared) = self.machine.field(field)
            && !value.is_null()
        {
            let data = &self.instance()?.data;
            let lookup = |name: &str| data.get(name).cloned().unwrap_or_default();
            forms::fits(&declared.kind, &value, &lookup).map_err(|why| self.fault(format!("`{field}`: {why}")))?;
        }
        self.work.change(&self.id)?.data.insert(field.clone(), value);
        Ok(())
    }

    fn choose(&mut self, branches: &'a [(Option<Expression>, Vec<Action>)]) -> Result<(), Fault> {
        for (condition, actions) in branches {
            if self.holds(condition.as_ref())? {
                return self.perform(actions);
            }
        }
        Ok(())
    }

    fn send(&mut self, sending: &Sending<'a>) -> Result<(), Fault> {
        let data = self.values(sending.data)?;
        for to in self.recipients(sending.to)? {
            self.work
                .deliver(to, sending.event.clone(), data.clone(), Some(self.id.clone()));
        }
        Ok(())
    }

    /// A delayed send is a timer of the machine itself: leaving states does not cancel it.
    fn send_later(&mut self, sending: &Sending<'a>, after: &Schedule, id: Option<&Name>) -> Result<(), Fault> {
        let message = Message {
            event: sending.event.clone(),
            data: self.values(sending.data)?,
            to: self.recipients(sending.to)?,
        };
        let plan = self.plan(after, self.work.now)?;
        let name = match id {
            Some(id) => send_timer(id),
            None => send_timer(&self.work.draw()),
        };
        let mut timer: Timer = plan.timer(&self.state(0).path);
        timer.message = Some(message);
        self.start_timer(name, timer)
    }

    fn cancel_send(&mut self, id: &Name) -> Result<(), Fault> {
        let name = send_timer(id);
        if let Some(timer) = self.instance()?.timers.get(&name) {
            let generation = timer.generation;
            let instance = self.work.change(&self.id)?;
            instance.timers.remove(&name);
            instance.generations.insert(name, generation);
        }
        Ok(())
    }

    /// Who an address means now. Instances that have ended hear nothing; a key that nobody has is a fault.
    fn recipients(&self, to: &Address) -> Result<Vec<InstanceId>, Fault> {
        let trade = &self.work.trade;
        match to {
            Address::Own => Ok(vec![self.id.clone()]),
            Address::Root => Ok(vec![trade.id.clone()]),
            Address::Parent => {
                let parent = self.instance()?.parent.clone();
                parent
                    .map(|parent| vec![parent])
                    .ok_or_else(|| self.fault("there is no parent to send to".into()))
            }
            Address::Siblings(key) => {
                let key = key.as_ref().map(|key| self.evaluate(key)).transpose()?;
                let parent = &self.instance()?.parent;
                let others = trade.instances.values().filter(|other| {
                    let named = key.as_ref().is_none_or(|key| key.as_text() == other.key.as_deref());
                    other.parent == *parent && other.id != self.id && !other.done && named
                });
                Ok(others.map(|other| other.id.clone()).collect())
            }
            Address::Machine { machine, key: None } => {
                let living = trade
                    .instances
                    .values()
                    .filter(|other| other.machine == *machine && !other.done);
                Ok(living.map(|other| other.id.clone()).collect())
            }
            Address::Machine {
                machine,
                key: Some(key),
            } => {
                let key = self.evaluate(key)?;
                let mut of_machine = trade.instances.values().filter(|other| other.machine == *machine);
                let named = of_machine.find(|other| {
                    let name = other.key.as_deref().unwrap_or(&other.id);
                    key.as_text() == Some(name)
                });
                let missing = || self.fault(format!("no `{machine}` has the key that `send` names"));
                named.map(|other| vec![other.id.clone()]).ok_or_else(missing)
            }
        }
    }

    /// Marks a document as asked for and has it rendered; what an earlier rendering said no longer counts.
    fn ask_for_document(&mut self, name: &Name) -> Result<(), Fault> {
        let asked = self
            .instance()?
            .documents
            .get(name)
            .map_or(0, |document| document.revision);
        let once = self
            .work
            .bundle
            .documents
            .get(name)
            .is_some_and(|document| document.once);
        if once && asked > 0 {
            return Err(self.fault(format!("`{name}` is issued once and was issued already")));
        }
        let document = self.work.change(&self.id)?.documents.entry(name.clone()).or_default();
        document.revision = asked + 1;
        document.sha256 = None;
        document.signed_by.clear();
        self.work.effects.push(Effect::Document {
            instance: self.id.clone(),
            name: name.clone(),
            revision: asked + 1,
            at: self.work.now,
        });
        Ok(())
    }

    /// Movements of nothing are left out, so that a rule can name every account it may touch.
    fn post(&mut self, movements: &'a [(Name, Expression)], reference: Option<&Expression>) -> Result<(), Fault> {
        let reference = match reference {
            Some(reference) => self.evaluate(reference)?.as_text().map(Name::from),
            None => None,
        };
        for (movement, amount) in movements {
            let amount = match self.evaluate(amount)? {
                Value::Int(amount) if amount >= 0 => amount,
                other => return Err(self.fault(format!("`{movement}` would move {other:?}, not an amount"))),
            };
            if amount > 0 {
                self.work.effects.push(Effect::Posting {
                    instance: self.id.clone(),
                    movement: movement.clone(),
                    amount,
                    reference: reference.clone(),
                    at: self.work.now,
                });
            }
        }
        Ok(())
    }

    /// The effect of an action that changes nothing within the trade.
    fn effect(&self, action: &'a Action) -> Result<Option<Effect>, Fault> {
        let (instance, at) = (self.id.clone(), self.work.now);
        Ok(match action {
            Action::Notify { to, mail } => Some(Effect::Mail {
                instance,
                roles: to.clone(),
                mail: mail.clone(),
                at,
            }),
            Action::Webhook { hook, data } => Some(Effect::Webhook {
                instance,
                hook: hook.clone(),
                data: self.values(data)?,
                at,
            }),
            Action::Publish(data) => Some(Effect::Published {
                instance,
                data: self.values(data)?,
                at,
            }),
            Action::Record { kind, data } => Some(Effect::Recorded {
                instance,
                kind: kind.clone(),
                data: self.values(data)?,
                at,
            }),
            Action::Relist { copy, with } => {
                let mut data = self.copies(copy)?;
                data.extend(self.values(with)?);
                Some(Effect::NewTrade { instance, data, at })
            }
            _ => None,
        })
    }

    /// Own fields by name, without those that were never set.
    pub fn copies(&self, names: &[Name]) -> Result<Map, Fault> {
        let data = &self.instance()?.data;
        let set = names
            .iter()
            .filter_map(|name| data.get(name).map(|value| (name.clone(), value.clone())));
        Ok(set.collect())
    }
}

fn send_timer(id: &str) -> Name {
    format!("send.{id}").into()
}
