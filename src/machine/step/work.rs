//! One entry in the making: a trade that instances work on until nothing is left to do, and what comes of it.
//! Must not know the kinds of outside causes beyond handing each to its file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::event::{Delivery, Event, Origin, Stop};
use super::ids::scramble;
use super::run::Run;
use super::scope::Names;
use super::types::{Answer, AskSlot, Cause, Context, Decision, Effect, Fault, Input};
use super::{accept, timers, todo_acts, todos};
use crate::machine::Time;
use crate::machine::calendar::{Calendars, Counting};
use crate::machine::definition::model::{Bundle, Machine};
use crate::machine::history::{ENGINE_LEVEL, Entry, PrivatePart, PublicPart, Taken, digest_of};
use crate::machine::slots::Slot;
use crate::machine::trade::{Instance, InstanceId, Trade};
use crate::machine::value::{Map, Name};

/// Events that one entry delivers at most. A closing with a thousand applications needs some thousands; two machines that
/// answer each other without end are stopped here.
const MOST_DELIVERIES: usize = 100_000;

/// The state of one entry while it is decided.
pub(super) struct Work<'a> {
    pub bundle: &'a Bundle,
    pub calendar: Counting<'a>,
    pub context: &'a Context,
    pub trade: Trade,
    /// The entry's time: never earlier than what the trade has seen.
    pub now: Time,
    /// The input's own time.
    pub stamp: Time,
    pub queue: VecDeque<Delivery>,
    pub effects: Vec<Effect>,
    pub taken: Vec<Taken>,
    touched: BTreeSet<InstanceId>,
    /// The touched instances as they were given.
    pub prior: BTreeMap<InstanceId, Arc<Instance>>,
    /// Whom to ask for what is taken of a capacity, where the context does not say.
    pub slot: AskSlot<'a>,
    /// What was told of capacities, kept with the entry.
    pub slots: Vec<Slot>,
    drawn: u32,
}

/// Decides exactly one input, without looking at due timers. `slot` is asked for what the context does not say; replay, which goes
/// entry by entry, has nobody to ask.
pub(crate) fn decide_one(
    bundle: &Bundle,
    trade: Option<&Trade>,
    input: &Input,
    context: &Context,
    calendars: &Calendars,
    slot: AskSlot<'_>,
) -> Decision {
    let calendar = calendars.0.get(&bundle.calendar);
    let newest = calendar.map_or(0, |calendar| calendar.version);
    // The version is part of what is recorded: a caller that names none gets, and records, the newest.
    let version = if context.calendar_version == 0 {
        newest
    } else {
        context.calendar_version
    };
    let context = &Context {
        calendar_version: version,
        ..context.clone()
    };
    let calendar = Counting {
        calendar,
        version,
        utc_offset_millis: bundle.utc_offset_millis,
    };
    let begin = || Work::new(bundle, calendar, (context, slot), trade, input);
    let mut work = begin();
    match work.take(input) {
        Ok(created) => work.seal(input, Answer::Taken { created }),
        Err(Stop::Repeated) => work.undone(begin).unchanged(Answer::Repeated),
        Err(Stop::Refused(refusal)) => work.undone(begin).unchanged(Answer::Refused(refusal)),
        Err(Stop::Recorded(refusal)) => work.undone(begin).seal(input, Answer::Refused(refusal)),
        Err(Stop::Late(refusal)) => match work.finish_untold() {
            Ok(()) => work.seal(input, Answer::Refused(refusal)),
            Err(fault) => work.undone(begin).fail(input, fault),
        },
        Err(Stop::Failed(fault)) => work.undone(begin).fail(input, fault),
    }
}

impl<'a> Work<'a> {
    fn new(
        bundle: &'a Bundle,
        calendar: Counting<'a>,
        (context, slot): (&'a Context, AskSlot<'a>),
        trade: Option<&Trade>,
        input: &Input,
    ) -> Self {
        let unopened = || Trade::unopened(bundle, input.instance.clone(), input.at);
        let trade = trade.cloned().unwrap_or_else(unopened);
        Self {
            now: trade.now.max(input.at),
            stamp: input.at,
            bundle,
            calendar,
            context,
            trade,
            queue: VecDeque::new(),
            effects: Vec::new(),
            taken: Vec::new(),
            touched: BTreeSet::new(),
            prior: BTreeMap::new(),
            slot,
            slots: Vec::new(),
            drawn: 0,
        }
    }

    fn take(&mut self, input: &Input) -> Result<Option<InstanceId>, Stop> {
        let id = &input.instance;
        let created = match &input.cause {
            Cause::Start { machine, data } => accept::start(self, id, machine.as_ref(), data)?,
            Cause::Event { name, payload, signed } => accept::event(self, id, (name, payload), signed.as_deref())?,
            Cause::Todo { todo, act } => todo_acts::act(self, id, todo, act)?,
            Cause::Timer { name, generation } => timers::fire(self, id, name, *generation)?,
            Cause::Result { name, payload } => accept::result(self, id, name, payload)?,
            Cause::Calendar => timers::count_again(self)?,
            Cause::Retry { timer } => timers::retry(self, id, timer)?,
        };
        self.finish(&input.cause)?;
        Ok(created)
    }

    /// As it was before the input. Where nothing was changed, the copy of the trade serves on.
    fn undone(self, begin: impl FnOnce() -> Self) -> Self {
        if !self.touched.is_empty() {
            return begin();
        }
        Self {
            queue: VecDeque::new(),
            effects: Vec::new(),
            taken: Vec::new(),
            slots: Vec::new(),
            drawn: 0,
            ..self
        }
    }

    fn finish(&mut self, cause: &Cause) -> Result<(), Stop> {
        self.settle()?;
        self.book(cause)?;
        Ok(self.check_invariants()?)
    }

    /// As `finish`, for what nobody waits to hear of.
    fn finish_untold(&mut self) -> Result<(), Fault> {
        self.settle()?;
        self.book_untold()?;
        self.check_invariants()
    }

    /// Works off the queue until the trade is stable.
    pub fn settle(&mut self) -> Result<(), Fault> {
        for _ in 0..MOST_DELIVERIES {
            match self.queue.pop_front() {
                None => return Ok(()),
                Some(Delivery::Start(id)) => Run::of(self, &id)?.map_or(Ok(()), Run::start)?,
                Some(Delivery::Event(id, event)) => {
                    Run::of(self, &id)?.map_or(Ok(()), |run| run.receive(event).map(drop))?;
                }
            }
        }
        let id = self.trade.id.clone();
        Err(self.fault(&id, "the trade", "its instances answer each other without end".into()))
    }

    /// Changes nothing: what was decided is thrown away with `self`'s trade still as it was given.
    fn unchanged(self, answer: Answer) -> Decision {
        Decision {
            trade: self.trade,
            entries: Vec::new(),
            lines: Vec::new(),
            effects: self.effects,
            answer,
        }
    }

    /// A fault changes nothing but a timer, which waits for somebody to look at it instead of failing for ever.
    fn fail(mut self, input: &Input, fault: Fault) -> Decision {
        let incident = Effect::Incident {
            fault: fault.clone(),
            at: self.now,
        };
        self.effects.push(incident);
        match &input.cause {
            Cause::Timer { name, .. } => {
                timers::hold(&mut self, &input.instance, name);
                self.seal(input, Answer::Failed(fault))
            }
            _ => self.unchanged(Answer::Failed(fault)),
        }
    }

    /// Closes the entry and chains it to the trade's history.
    fn seal(mut self, input: &Input, answer: Answer) -> Decision {
        let touched = self.touched.iter().filter_map(|id| self.trade.instances.get(id));
        let public = PublicPart {
            instance: input.instance.clone(),
            event: self.event_name(input),
            transitions: std::mem::take(&mut self.taken),
            refusal: match &answer {
                Answer::Refused(refusal) => Some(refusal.code.clone()),
                _ => None,
            },
            state: digest_of(touched.map(AsRef::as_ref)),
            calendar_version: self.calendar.version,
            bundle: self.bundle.reference.sha256.clone(),
            engine_level: ENGINE_LEVEL,
        };
        let private = PrivatePart {
            input: input.clone(),
            context: Context {
                slots: std::mem::take(&mut self.slots),
                ..self.context.clone()
            },
            answer: answer.clone(),
        };
        let entry = Entry::seal(&self.trade, self.now, public, private);
        self.trade.seq = entry.seq;
        self.trade.head = entry.hash.clone();
        self.trade.now = self.now;
        let lines = self.lines(input, &answer, &entry);
        Decision {
            trade: self.trade,
            entries: vec![entry],
            lines,
            effects: self.effects,
            answer,
        }
    }

    /// What the history calls an input.
    fn event_name(&self, input: &Input) -> Name {
        match &input.cause {
            Cause::Start { .. } => "start".into(),
            Cause::Event { name, .. } | Cause::Result { name, .. } => name.clone(),
            Cause::Todo { todo, act } => todos::event_name(&self.trade, self.bundle, &input.instance, todo, act),
            Cause::Timer { name, .. } => timers::event_name(name),
            Cause::Calendar => "calendar".into(),
            Cause::Retry { timer } => format!("{}.retry", timers::event_name(timer)).into(),
        }
    }

    /// Invariants of every instance that changed.
    fn check_invariants(&self) -> Result<(), Fault> {
        for id in &self.touched {
            let Some(instance) = self.trade.instances.get(id) else {
                continue;
            };
            for (name, invariant) in &self.machine(id)?.invariants {
                let names = Names {
                    now: self.now,
                    ..Names::of(self.bundle, &self.trade, instance)
                };
                match invariant.evaluate(&names).map(|value| value.as_bool()) {
                    Ok(Some(true)) => {}
                    Ok(_) => return Err(self.fault(id, name, format!("the invariant `{}` broke", invariant.source))),
                    Err(text) => return Err(self.fault(id, name, text)),
                }
            }
        }
        Ok(())
    }

    /// The instances that this entry has changed.
    pub fn touched(&self) -> &BTreeSet<InstanceId> {
        &self.touched
    }

    /// An instance to read.
    pub fn instance(&self, id: &InstanceId) -> Result<&Instance, Fault> {
        let found = self.trade.instances.get(id).map(AsRef::as_ref);
        found.ok_or_else(|| no_instance(id))
    }

    /// An instance to change; the trade as it was given keeps its own.
    pub fn change(&mut self, id: &InstanceId) -> Result<&mut Instance, Fault> {
        let instance = self.trade.instances.get_mut(id).ok_or_else(|| no_instance(id))?;
        if !self.touched.contains(id) {
            self.touched.insert(id.clone());
            self.prior.insert(id.clone(), Arc::clone(instance));
        }
        Ok(Arc::make_mut(instance))
    }

    /// Takes a new instance into the trade.
    pub fn add(&mut self, instance: Instance) {
        self.touched.insert(instance.id.clone());
        self.trade.instances.insert(instance.id.clone(), Arc::new(instance));
    }

    /// The machine of an instance.
    pub fn machine(&self, id: &InstanceId) -> Result<&'a Machine, Fault> {
        let machine = &self.instance(id)?.machine;
        let found = self.bundle.machines.get(machine);
        found.ok_or_else(|| self.fault(id, machine, "the bundle has no such machine".into()))
    }

    /// The direct children of an instance, in the order of their ids.
    pub fn children(&self, id: &InstanceId) -> Vec<InstanceId> {
        let instances = self.trade.instances.values();
        let children = instances.filter(|child| child.parent.as_ref() == Some(id));
        children.map(|child| child.id.clone()).collect()
    }

    /// Puts an event into the trade's queue.
    pub fn deliver(&mut self, to: InstanceId, name: impl Into<Name>, data: Map, sender: Option<InstanceId>) {
        let event = Event {
            name: name.into(),
            data,
            sender,
            origin: Origin::Inside,
            form: Vec::new(),
        };
        self.queue.push_back(Delivery::Event(to, event));
    }

    /// A fresh id, which tells nothing about order.
    pub fn draw(&mut self) -> InstanceId {
        self.drawn += 1;
        scramble(&format!("{}\nid {}", self.context.seed, self.drawn))
    }

    /// A fault of an instance at a place of its definition.
    pub fn fault(&self, id: &InstanceId, place: &str, text: String) -> Fault {
        Fault {
            instance: id.clone(),
            place: place.into(),
            text,
        }
    }
}

fn no_instance(id: &InstanceId) -> Fault {
    Fault {
        instance: id.clone(),
        place: "the trade".into(),
        text: "it has no such instance".into(),
    }
}
