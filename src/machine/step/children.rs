//! Instances that other instances, or people, start within a trade, and how they end with what started them.
//! Must not run them: they begin when the queue comes to them.

use super::event::{Delivery, Stop};
use super::freeze;
use super::refusals::refusal;
use super::run::Run;
use super::types::Fault;
use super::work::Work;
use crate::machine::definition::model::Machine;
use crate::machine::trade::{Instance, InstanceId};
use crate::machine::value::{Map, Name};

/// Length of a plate number. Six of 32 letters: nobody guesses another's, and people can still say it.
const KEY_LENGTH: usize = 6;

impl<'a> Work<'a> {
    /// The root instance of a new trade.
    pub fn open_root(&mut self, id: &InstanceId, machine: &'a Machine, data: Map) {
        let mut root = blank(id.clone(), machine, data);
        // Whose it is matters only where a party may have one at a time: the engine looks for others that are open.
        root.owner = machine
            .one_per_owner
            .then(|| self.context.actor.party.clone())
            .flatten();
        self.begin(root, machine);
    }

    /// A child that an event from outside starts. It belongs to the party that sent the event.
    pub fn start_child(&mut self, parent: &InstanceId, machine: &Name, data: Map) -> Result<InstanceId, Stop> {
        let refused = |work: &Self, code: &str| Stop::Refused(refusal(work.bundle, code));
        let definition = self.definition(parent, machine)?;
        let owner = self.context.actor.party.clone();
        if definition.one_per_owner {
            let Some(owner) = &owner else {
                return Err(refused(self, "forbidden"));
            };
            let mut instances = self.trade.instances.values();
            if instances.any(|other| other.machine == *machine && other.owner.as_ref() == Some(owner)) {
                return Err(refused(self, "already_started"));
            }
        }
        // Payload that the child does not declare was for the event alone.
        let data = data
            .into_iter()
            .filter(|(name, value)| definition.field(name).is_some() && !value.is_null())
            .collect();
        let mut child = blank(self.draw(), definition, data);
        child.parent = Some(parent.clone());
        child.owner = owner;
        child.frozen = freeze::covers(self, parent, None)?;
        let id = child.id.clone();
        self.begin(child, definition);
        Ok(id)
    }

    /// Ends an instance whose reason to exist is gone.
    pub fn cancel(&mut self, id: &InstanceId) -> Result<(), Fault> {
        Run::of(self, id)?.map_or(Ok(()), Run::cancel)
    }

    fn definition(&self, parent: &InstanceId, machine: &Name) -> Result<&'a Machine, Fault> {
        let found = self.bundle.machines.get(machine);
        found.ok_or_else(|| self.fault(parent, machine, "the bundle has no such machine".into()))
    }

    /// Takes the instance into the trade and lets it start when its turn comes.
    fn begin(&mut self, mut instance: Instance, machine: &Machine) {
        if machine.keyed {
            instance.key = Some(self.draw_key());
        }
        self.queue.push_back(Delivery::Start(instance.id.clone()));
        self.add(instance);
    }

    /// A plate number that nobody in the trade has.
    fn draw_key(&mut self) -> Name {
        loop {
            let drawn = self.draw();
            let key: Name = drawn[drawn.len() - KEY_LENGTH..].into();
            let mut instances = self.trade.instances.values();
            if !instances.any(|other| other.key.as_ref() == Some(&key)) {
                return key;
            }
        }
    }
}

impl Run<'_, '_> {
    /// Starts what the states entered since the event came invoke, if they are still active.
    pub fn invoke(&mut self) -> Result<(), Fault> {
        for index in std::mem::take(&mut self.to_invoke) {
            let state = self.state(index);
            for invoke in &state.invoke {
                let definition = self.work.definition(&self.id, &invoke.machine)?;
                let mut data = self.copies(&invoke.copy)?;
                data.extend(self.values(&invoke.with)?);
                let mut child = blank(self.work.draw(), definition, data);
                child.parent = Some(self.id.clone());
                child.invoked_by = Some(state.path.clone());
                child.frozen = freeze::covers(self.work, &self.id, Some(index))?;
                self.work.begin(child, definition);
            }
        }
        Ok(())
    }

    /// Ends the children that a state invoked.
    pub fn cancel_invoked(&mut self, path: &Name) -> Result<(), Fault> {
        for child in self.work.children(&self.id) {
            if self.work.instance(&child)?.invoked_by.as_ref() == Some(path) {
                self.work.cancel(&child)?;
            }
        }
        Ok(())
    }
}

/// A fresh instance: given data over declared defaults.
fn blank(id: InstanceId, machine: &Machine, data: Map) -> Instance {
    let defaults = machine
        .data
        .iter()
        .filter_map(|field| Some((field.name.clone(), field.default.clone()?)));
    let mut all: Map = defaults.collect();
    all.extend(data);
    Instance {
        id,
        machine: machine.name.clone(),
        parent: None,
        invoked_by: None,
        owner: None,
        key: None,
        states: Vec::new(),
        remembered: Default::default(),
        data: all,
        timers: Default::default(),
        todos: Default::default(),
        entered: Default::default(),
        generations: Default::default(),
        fired: None,
        at_once: 0,
        documents: Default::default(),
        acted: Default::default(),
        seen: Default::default(),
        session: None,
        frozen: false,
        done: false,
        output: Map::new(),
    }
}
