//! Sessions: what instances take of a capacity, brought in line with their data and states once an entry is stable. Must not know
//! what other trades have taken: that is asked of the outside, and kept with the entry.

use super::event::{Stop, payload};
use super::refusals::refusal;
use super::scope::Names;
use super::types::{Actor, Cause, Effect, Fault, Refusal};
use super::work::Work;
use crate::machine::Time;
use crate::machine::definition::model::SessionDefinition;
use crate::machine::slots::{Booking, Slot, Span, Wanted};
use crate::machine::trade::{Instance, InstanceId};
use crate::machine::value::{Map, Value};

/// How often an entry looks for another time by itself; each instance of a trade may have to give way once.
const MOST_MOVES: usize = 100;

/// A session for which there is no room.
struct Full {
    instance: InstanceId,
    slot: Slot,
}

impl Work<'_> {
    /// Books what instances take now. A person is refused where there is no room; what nobody can be refused tells its machine.
    pub fn book(&mut self, cause: &Cause) -> Result<(), Stop> {
        let by_person = match cause {
            Cause::Event { .. } | Cause::Todo { .. } | Cause::Start { .. } => self.context.actor != Actor::system(),
            Cause::Timer { .. } | Cause::Result { .. } | Cause::Calendar | Cause::Retry { .. } => false,
        };
        if !by_person {
            return Ok(self.book_untold()?);
        }
        match self.book_next(&[])? {
            Some(full) => Err(Stop::Refused(self.refused(&full.slot))),
            None => Ok(()),
        }
    }

    /// As `book`, for timers and the like: an instance without room is told so (`session.full`) and may choose another time. Where it
    /// does not, its session stands beyond the limit, and somebody is told by an incident.
    pub fn book_untold(&mut self) -> Result<(), Fault> {
        let mut told = Vec::new();
        while let Some(full) = self.book_next(&told)? {
            let repeated = told.iter().any(|(id, _)| *id == full.instance);
            told.push((full.instance.clone(), full.slot.booking.clone()));
            if repeated || told.len() > MOST_MOVES {
                self.overfull(&full);
                continue;
            }
            self.deliver(full.instance.clone(), "session.full", facts(&full.slot), None);
            self.settle()?;
            let still = self.instance(&full.instance)?;
            if self.wanted_by(still)?.as_ref() == Some(&full.slot.booking) {
                self.overfull(&full);
            }
        }
        Ok(())
    }

    fn overfull(&mut self, full: &Full) {
        let text = format!(
            "{} of {} are taken, and one more was booked",
            full.slot.taken, full.slot.limit
        );
        let fault = self.fault(&full.instance, "session", text);
        self.effects.push(Effect::Incident { fault, at: self.now });
    }

    /// Brings the touched instances' bookings in line, up to the first for which there is no room and whose machine has not been told.
    fn book_next(&mut self, told: &[(InstanceId, Booking)]) -> Result<Option<Full>, Fault> {
        if self.bundle.capacities.is_empty() {
            return Ok(None);
        }
        let mut held: Vec<Booking> = self.prior.values().filter_map(|old| old.session.clone()).collect();
        let mut moved = Vec::new();
        for id in self.touched().clone() {
            let instance = self.instance(&id)?;
            let booking = self.wanted_by(instance)?;
            if instance.session != booking {
                self.change(&id)?.session.clone_from(&booking);
            }
            // What the trade had before stays its own: a room that takes over from what announced it needs no other.
            if let Some(booking) = booking {
                let own = |old: &Booking| old.of == booking.of && old.span.covers(&booking.span);
                match held.iter().position(own) {
                    Some(place) => drop(held.swap_remove(place)),
                    None => moved.push((id, booking)),
                }
            }
        }
        for (instance, booking) in moved {
            if told.iter().any(|(id, known)| *id == instance && *known == booking) {
                continue;
            }
            let slot = self.slot_of(&instance, booking);
            if slot.is_full() {
                return Ok(Some(Full { instance, slot }));
            }
        }
        Ok(None)
    }

    /// What an instance takes as it stands.
    fn wanted_by(&self, instance: &Instance) -> Result<Option<Booking>, Fault> {
        let machine = self.machine(&instance.id)?;
        let Some(session) = &machine.session else {
            return Ok(None);
        };
        if instance.done || instance.frozen {
            return Ok(None);
        }
        let prior = self.prior.get(&instance.id);
        if let Some(prior) = prior.filter(|prior| stands_as(session, prior, instance)) {
            return Ok(prior.session.clone());
        }
        let names = Names {
            now: self.now,
            ..Names::of(self.bundle, &self.trade, instance)
        };
        let fault = |text| self.fault(&instance.id, "session", text);
        let holds = session.condition.evaluate(&names).map_err(fault)?;
        if holds.as_bool() != Some(true) {
            return Ok(None);
        }
        let from = session.from.evaluate(&names).map_err(fault)?;
        let Some(from) = from.as_int().map(Time) else {
            return Ok(None);
        };
        let until = session.until.evaluate(&names).map_err(fault)?.as_int().map(Time);
        let until = until
            .filter(|until| *until > from)
            .ok_or_else(|| fault("it ends before it begins".into()))?;
        Ok(Some(Booking {
            of: session.of.clone(),
            span: Span { from, until },
        }))
    }

    /// How the capacity is taken: as the context says, or as the outside tells, or as if by nobody else.
    fn slot_of(&mut self, id: &InstanceId, booking: Booking) -> Slot {
        let others = self.trade.instances.values().filter(|other| other.id != *id);
        let beside = others
            .filter_map(|other| other.session.as_ref())
            .filter(|other| other.of == booking.of)
            .map(|other| other.span)
            .collect();
        let recorded = self.context.slots.iter().find(|slot| slot.booking == booking).cloned();
        let limit = self.bundle.capacities.get(&booking.of).map_or(0, |of| of.limit);
        let wanted = Wanted { booking, beside };
        let slot = recorded
            .or_else(|| (self.slot)(&wanted))
            .unwrap_or_else(|| Slot::of(&wanted, limit, []));
        self.slots.push(slot.clone());
        slot
    }

    /// Says which stretch is full, how many there are, and when there is room next.
    fn refused(&self, slot: &Slot) -> Refusal {
        let general = refusal(self.bundle, "session_full");
        let stretch = slot.busiest.unwrap_or(slot.booking.span);
        let (from, until) = (self.local(stretch.from), self.local(stretch.until));
        let next = slot
            .next
            .map_or_else(String::new, |next| format!("，最早可从 {} 开始", self.local(next)));
        Refusal {
            text: format!(
                "{}：{from} 至 {until} 已有 {} 场（上限 {} 场）{next}",
                general.text, slot.taken, slot.limit
            ),
            tell: facts(slot),
            ..general
        }
    }

    fn local(&self, time: Time) -> String {
        let (date, millis) = self.calendar.local(time);
        let minutes = millis / 60_000;
        format!("{date} {:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// True where nothing changed that the session's times read.
fn stands_as(session: &SessionDefinition, prior: &Instance, instance: &Instance) -> bool {
    !prior.frozen
        && prior.states == instance.states
        && session
            .reads
            .iter()
            .all(|field| prior.data.get(field) == instance.data.get(field))
}

fn facts(slot: &Slot) -> Map {
    let stretch = slot.busiest.unwrap_or(slot.booking.span);
    let mut facts = payload([
        ("from", stretch.from.into()),
        ("until", stretch.until.into()),
        ("limit", Value::Int(slot.limit.into())),
        ("taken", Value::Int(slot.taken.into())),
    ]);
    if let Some(next) = slot.next {
        facts.insert("next".into(), next.into());
    }
    facts
}
