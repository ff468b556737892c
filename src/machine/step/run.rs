//! One instance works through one event: run to completion as SCXML's Appendix D has it. Must not know who sent the event.

use std::collections::{BTreeSet, VecDeque};

use super::configuration::{Configuration, configuration};
use super::event::{Event, Origin};
use super::forms;
use super::refusals::{invalid, refusal};
use super::scope::Names;
use super::select::{Chosen, Selection};
use super::types::{Fault, Refusal};
use super::work::Work;
use crate::machine::definition::model::{Machine, Reject, State, StateIndex};
use crate::machine::expression::Expression;
use crate::machine::history::Taken;
use crate::machine::trade::{Instance, InstanceId};
use crate::machine::value::{Map, Name, Value};

/// Microsteps that one event may cause within one instance. A lawful cascade has a handful; more is a cycle of `always`.
const MOST_MICROSTEPS: u32 = 1_000;

/// What became of an outside event.
#[derive(Debug)]
pub(super) enum Reception {
    Taken,
    /// No active state takes it now.
    Untaken,
    /// A state takes it, but stands still.
    Suspended,
    Rejected(Refusal),
}

/// An instance at work.
pub(super) struct Run<'w, 'a> {
    pub work: &'w mut Work<'a>,
    pub id: InstanceId,
    pub machine: &'a Machine,
    pub active: Configuration,
    /// The event being worked on; entry actions and `always` still see it.
    pub event: Event,
    /// Events raised within, looked at before any from outside.
    pub internal: VecDeque<Event>,
    /// Active states that held a region still when the event came.
    pub freezers: Vec<&'a State>,
    /// States entered whose `invoke` starts once everything else is stable.
    pub to_invoke: BTreeSet<StateIndex>,
    /// The top-level final state reached; the machine itself where all of its regions are final.
    pub finished: Option<StateIndex>,
    /// Where a fault would be: a transition, an entry, an exit.
    pub place: Name,
    microsteps: u32,
}

impl<'w, 'a> Run<'w, 'a> {
    /// An instance ready to work; `None` where it has ended.
    pub fn of(work: &'w mut Work<'a>, id: &InstanceId) -> Result<Option<Self>, Fault> {
        let machine = work.machine(id)?;
        let instance = work.instance(id)?;
        if instance.done {
            return Ok(None);
        }
        let active = configuration(machine, instance);
        Ok(Some(Self {
            freezers: freezers(machine, &active),
            id: id.clone(),
            machine,
            active,
            event: Event {
                name: "start".into(),
                data: Map::new(),
                sender: None,
                origin: Origin::Inside,
                form: Vec::new(),
            },
            internal: VecDeque::new(),
            to_invoke: BTreeSet::new(),
            finished: None,
            place: "start".into(),
            microsteps: 0,
            work,
        }))
    }

    /// Enters the initial states and runs until stable.
    pub fn start(mut self) -> Result<(), Fault> {
        self.enter_initially()?;
        self.store_states()?;
        self.note("start".into(), Vec::new())?;
        self.complete()
    }

    /// Works through one event.
    pub fn receive(mut self, event: Event) -> Result<Reception, Fault> {
        self.event = event;
        let outside = self.event.origin == Origin::Outside;
        let chosen = match self.select(Some(&self.event))? {
            Selection::Suspended => return Ok(Reception::Suspended),
            Selection::Rejected(reject) => return Ok(Reception::Rejected(self.reject(reject)?)),
            Selection::Chosen(chosen) if chosen.is_empty() && outside => return Ok(Reception::Untaken),
            Selection::Chosen(chosen) => chosen,
        };
        if let Err(missing) = self.assign_form(&chosen)? {
            return Ok(Reception::Rejected(missing));
        }
        self.microstep(&chosen)?;
        self.complete()?;
        Ok(Reception::Taken)
    }

    /// `always` before internal events, both until none is left; then the children that entered states invoke.
    fn complete(mut self) -> Result<(), Fault> {
        while self.finished.is_none() {
            let eventless = self.select(None)?.chosen();
            if !eventless.is_empty() {
                self.microstep(&eventless)?;
            } else if let Some(event) = self.internal.pop_front() {
                self.event = event;
                let chosen = self.select(Some(&self.event))?.chosen();
                self.microstep(&chosen)?;
            } else {
                break;
            }
        }
        match self.finished {
            Some(last) => self.finish(last),
            None => {
                self.invoke()?;
                self.settle_freezing()
            }
        }
    }

    /// Exits, acts and enters for transitions that are taken together.
    fn microstep(&mut self, chosen: &[Chosen<'a>]) -> Result<(), Fault> {
        if chosen.is_empty() {
            return Ok(());
        }
        self.microsteps += 1;
        if self.microsteps > MOST_MICROSTEPS {
            return Err(self.fault(format!("more than {MOST_MICROSTEPS} steps follow from one event")));
        }
        let from = self.instance()?.states.clone();
        self.exit(chosen)?;
        for transition in chosen {
            self.place = transition.rule.id.clone();
            self.perform(&transition.rule.actions)?;
        }
        self.enter(chosen)?;
        self.store_states()?;
        for transition in chosen {
            self.note(transition.rule.id.clone(), from.clone())?;
        }
        Ok(())
    }

    /// Assigns what the event carries for the machine's fields, before anything else of the transition happens.
    /// The inner error is the refusal where a field is missing that a chosen transition asks for.
    fn assign_form(&mut self, chosen: &[Chosen<'a>]) -> Result<Result<(), Refusal>, Fault> {
        let given = |name: &Name| {
            let value = self.event.form.contains(name).then(|| self.event.data.get(name))?;
            value.filter(|value| !forms::is_empty(value))
        };
        let mut asked = chosen.iter().flat_map(|transition| &transition.rule.form);
        if let Some(missing) = asked.find(|name| given(name).is_none()) {
            let title = self.machine.field(missing).map_or(&**missing, |field| &field.title);
            return Ok(Err(invalid(self.work.bundle, title, "必须填写")));
        }
        let fields = self.event.form.iter().filter(|_| !chosen.is_empty());
        let values = fields.filter_map(|name| Some((name.clone(), self.event.data.get(name)?.clone())));
        let values: Map = values.collect();
        if !values.is_empty() {
            self.work.change(&self.id)?.data.extend(values);
        }
        Ok(Ok(()))
    }

    fn reject(&self, reject: &Reject) -> Result<Refusal, Fault> {
        let mut answer = refusal(self.work.bundle, &reject.code);
        answer.tell = self.values(&reject.tell)?;
        Ok(answer)
    }

    /// Writes the active states into the instance, so that others count its tags by where it stands now.
    fn store_states(&mut self) -> Result<(), Fault> {
        let states = self.machine.atomic_paths(&self.active);
        if self.instance()?.states != states {
            self.work.change(&self.id)?.states = states;
        }
        Ok(())
    }

    /// Keeps a transition for the history.
    pub fn note(&mut self, transition: Name, from: Vec<Name>) -> Result<(), Fault> {
        let taken = Taken {
            instance: self.id.clone(),
            machine: self.machine.name.clone(),
            transition,
            from,
            to: self.instance()?.states.clone(),
        };
        self.work.taken.push(taken);
        Ok(())
    }

    /// The instance as it stands.
    pub fn instance(&self) -> Result<&Instance, Fault> {
        self.work.instance(&self.id)
    }

    /// A state of its machine.
    pub fn state(&self, index: StateIndex) -> &'a State {
        &self.machine.states[index]
    }

    /// Raises an event within the instance.
    pub fn raise(&mut self, name: impl Into<Name>, data: Map) {
        self.internal.push_back(Event {
            name: name.into(),
            data,
            sender: None,
            origin: Origin::Inside,
            form: Vec::new(),
        });
    }

    /// The value of an expression for this instance and event.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value, Fault> {
        let names = Names {
            now: self.work.now,
            active: Some(&self.active),
            event: Some(&self.event.data),
            sender: self.event.sender.as_ref(),
            ..Names::of(self.work.bundle, &self.work.trade, self.instance()?)
        };
        let value = expression.evaluate(&names);
        value.map_err(|text| self.fault(format!("`{}`: {text}", expression.source)))
    }

    /// True where there is no guard or it holds. A guard that cannot be evaluated is a fault, never quietly false.
    pub fn holds(&self, guard: Option<&Expression>) -> Result<bool, Fault> {
        let Some(guard) = guard else { return Ok(true) };
        let value = self.evaluate(guard)?;
        value
            .as_bool()
            .ok_or_else(|| self.fault(format!("`{}` is neither true nor false", guard.source)))
    }

    /// The values of named expressions; none sees another's.
    pub fn values(&self, expressions: &[(Name, Expression)]) -> Result<Map, Fault> {
        let values = expressions
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.evaluate(value)?)));
        values.collect()
    }

    /// A fault at the place that is being worked on.
    pub fn fault(&self, text: String) -> Fault {
        self.work.fault(&self.id, &self.place, text)
    }
}

/// The active states that hold a region still.
pub(super) fn freezers<'a>(machine: &'a Machine, active: &Configuration) -> Vec<&'a State> {
    let states = active.iter().filter_map(|index| machine.states.get(*index));
    states.filter(|state| state.freezes.is_some()).collect()
}
