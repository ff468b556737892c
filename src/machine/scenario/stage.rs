//! The world a scenario is played in: one trade, its clock, and performers that answer at once. Must not know what steps say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::coverage::Seen;
use super::occupied;
use super::source::{Cast, Scenario};
use super::weather::Weather;
use crate::machine::Time;
use crate::machine::calendar::Calendars;
use crate::machine::definition::model::{Bundle, Machine};
use crate::machine::history::Entry;
use crate::machine::outage::{Outage, Reach};
use crate::machine::period::Period;
use crate::machine::slots::Booking;
use crate::machine::step::{self, Actor, Answer, Cause, Context, Effect, Input};
use crate::machine::trade::{Instance, InstanceId, Timer, Trade};
use crate::machine::value::{Map, Name, Value};

/// A scenario whose timers follow each other this often without time moving on does not end.
const MAX_FIRINGS: usize = 10_000;

/// The one trade of a scenario with all that happens around it.
pub struct Stage<'a> {
    pub bundle: &'a Bundle,
    pub calendars: Calendars,
    pub cast: Arc<Cast>,
    pub trade: Option<Trade>,
    pub now: Time,
    pub entries: Vec<Entry>,
    pub effects: Vec<Effect>,
    /// Documents whose rendering fails until mended.
    pub failing: BTreeSet<String>,
    /// Renderings that failed, to be done when mended.
    pub unrendered: Vec<Effect>,
    /// Balances of the ledger's accounts in fen.
    pub balances: BTreeMap<Name, i64>,
    /// What other trades have taken of capacities.
    pub occupied: Vec<Booking>,
    pub decisions: usize,
    pub seen: Seen,
    weather: Weather,
    /// How many of the effects have been answered.
    performed: usize,
    name: String,
}

impl<'a> Stage<'a> {
    /// An empty stage at the beginning of time.
    pub fn new(bundle: &'a Bundle, calendars: &Calendars, scenario: &Scenario) -> Self {
        Self {
            bundle,
            calendars: calendars.clone(),
            cast: scenario.cast.clone(),
            trade: None,
            now: Time(0),
            entries: Vec::new(),
            effects: Vec::new(),
            failing: BTreeSet::new(),
            unrendered: Vec::new(),
            balances: BTreeMap::new(),
            occupied: Vec::new(),
            decisions: 0,
            seen: Seen::default(),
            weather: Weather::default(),
            performed: 0,
            name: scenario.name.clone(),
        }
    }

    /// The trade.
    ///
    /// # Errors
    /// The scenario has not started one.
    pub fn trade(&self) -> Result<&Trade, String> {
        self.trade
            .as_ref()
            .ok_or_else(|| "the scenario has not started a trade".to_owned())
    }

    /// An instance's machine.
    ///
    /// # Errors
    /// The bundle has no such machine.
    pub fn machine(&self, instance: &Instance) -> Result<&'a Machine, String> {
        self.bundle
            .machines
            .get(&instance.machine)
            .ok_or_else(|| format!("the bundle has no machine `{}`", instance.machine))
    }

    /// 32 bytes in hex that are the same at every run.
    fn seed(&self) -> Name {
        let text = format!("{}/{}", self.name, self.decisions);
        hex::encode(Sha256::digest(text.as_bytes())).into()
    }

    /// Decides one input, which came in now or was stamped before, and lets the performers answer what it asked for.
    pub fn offer(
        &mut self,
        actor: Actor,
        instance: InstanceId,
        cause: Cause,
        stamped: Option<Time>,
    ) -> Result<Answer, String> {
        let answer = self.decide(actor, instance, cause, stamped)?;
        self.settle()?;
        Ok(answer)
    }

    fn decide(
        &mut self,
        actor: Actor,
        instance: InstanceId,
        cause: Cause,
        stamped: Option<Time>,
    ) -> Result<Answer, String> {
        let input = Input {
            instance,
            cause,
            at: stamped.unwrap_or(self.now),
        };
        let context = Context {
            actor,
            seed: self.seed(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: self
                .calendars
                .0
                .get(&self.bundle.calendar)
                .map_or(0, |calendar| calendar.version),
            slots: Vec::new(),
        };
        self.decisions += 1;
        let outside = step::Outside {
            delay: &|timer: &Timer| self.weather.delay(timer),
            slot: &|wanted| Some(occupied::slot(self.bundle, &self.occupied, wanted)),
        };
        let (trade, calendars) = (self.trade.as_ref(), &self.calendars);
        let decision = step::decide(self.bundle, trade, &input, &context, calendars, outside);
        if let Answer::Failed(fault) = &decision.answer {
            return Err(format!("the machine failed at {}: {}", fault.place, fault.text));
        }
        for effect in &decision.effects {
            self.account(effect)?;
        }
        if let Answer::Refused(refusal) = &decision.answer {
            self.seen.refused(self.bundle, &decision.trade, &input, &refusal.code);
        }
        self.seen.decided(self.bundle, &decision.trade, &decision.entries);
        super::proof::same_after_storing(&decision.trade)?;
        self.entries.extend(decision.entries);
        self.effects.extend(decision.effects);
        if self.trade.is_some() || matches!(decision.answer, Answer::Taken { .. }) {
            self.trade = Some(decision.trade);
        }
        Ok(decision.answer)
    }

    /// Books money, and refuses what a ledger could not hold.
    fn account(&mut self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Posting { movement, amount, .. } => {
                let kind = self
                    .bundle
                    .movements
                    .get(movement)
                    .ok_or_else(|| format!("`{movement}` is not a movement of the ledger"))?;
                *self.balances.entry(kind.from.clone()).or_default() -= amount;
                *self.balances.entry(kind.to.clone()).or_default() += amount;
                let overdrawn = self.balances.get(&kind.from).copied().unwrap_or_default() < 0;
                if *amount < 0 || (overdrawn && !self.cast.outside.iter().any(|name| **name == *kind.from)) {
                    return Err(format!(
                        "the movement `{movement}` of {amount} fen takes more than `{}` has",
                        kind.from
                    ));
                }
                Ok(())
            }
            Effect::Incident { fault, .. } => Err(format!("an incident at {}: {}", fault.place, fault.text)),
            _ => Ok(()),
        }
    }

    /// Answers the documents asked for since the last time, until nothing more is asked for.
    pub fn settle(&mut self) -> Result<(), String> {
        while let Some(effect) = self.effects.get(self.performed).cloned() {
            self.performed += 1;
            match &effect {
                Effect::Document { name, .. } if self.failing.contains(&**name) => self.unrendered.push(effect),
                Effect::Document { .. } => self.render(&effect)?,
                Effect::NewTrade { instance, data, .. } => self.open_elsewhere(instance, data)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Answers one document as its performer would: with a digest and, where the document has one, a number.
    pub fn render(&mut self, effect: &Effect) -> Result<(), String> {
        let Effect::Document {
            instance,
            name,
            revision,
            ..
        } = effect
        else {
            return Ok(());
        };
        let numbered = self
            .bundle
            .documents
            .get(name)
            .is_some_and(|document| document.number.is_some());
        let sha256 = hex::encode(Sha256::digest(format!("{}/{instance}/{name}/{revision}", self.name)));
        let mut payload = Map::from([
            ("revision".into(), Value::Int(i64::from(*revision))),
            ("sha256".into(), Value::from(sha256)),
        ]);
        if numbered {
            payload.insert("number".into(), Value::from(format!("{name}-{revision}")));
        }
        let cause = Cause::Result {
            name: format!("document.{name}.ready").into(),
            payload,
        };
        match self.decide(system(), instance.clone(), cause, None)? {
            Answer::Refused(refusal) if &*refusal.code != "ended" && &*refusal.code != "not_now" => {
                Err(format!("the document `{name}` was refused: {}", refusal.code))
            }
            _ => Ok(()),
        }
    }

    /// A trade that another trade opens must at least begin.
    fn open_elsewhere(&self, from: &InstanceId, data: &Map) -> Result<(), String> {
        let input = Input {
            instance: format!("{from}-next").into(),
            cause: Cause::Start {
                machine: None,
                data: data.clone(),
            },
            at: self.now,
        };
        let context = Context {
            actor: system(),
            seed: self.seed(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: 0,
            slots: Vec::new(),
        };
        match step::decide(
            self.bundle,
            None,
            &input,
            &context,
            &self.calendars,
            step::Outside::nobody(),
        )
        .answer
        {
            Answer::Taken { .. } => Ok(()),
            other => Err(format!("the trade that was opened did not begin: {other:?}")),
        }
    }

    /// Fires every timer due until `target`, each at its due time, and moves the clock there.
    pub fn run_until(&mut self, target: Time) -> Result<(), String> {
        let mut firings = 0;
        while let Some((instance, name, due)) = self.trade.as_ref().and_then(|trade| trade.next_due(target)) {
            self.now = self.now.max(due);
            self.fire(instance, name)?;
            firings += 1;
            if firings > MAX_FIRINGS {
                return Err("timers fire without end".into());
            }
        }
        self.now = target;
        Ok(())
    }

    /// The platform stands still for a while, or ends and is started again; what was due meanwhile is noticed afterwards.
    pub fn outage(&mut self, millis: i64, reach: Reach) -> Result<(), String> {
        let (from, until) = (self.now, self.now.plus_millis(millis));
        self.weather.breaks(Outage { from, until, reach });
        let ran = self.run_until(until);
        self.weather.clears();
        ran
    }

    fn fire(&mut self, instance: InstanceId, name: Name) -> Result<(), String> {
        let generation = self
            .trade()?
            .instances
            .get(&instance)
            .and_then(|found| found.timers.get(&name))
            .map_or(0, |timer| timer.generation);
        let cause = Cause::Timer { name, generation };
        self.offer(system(), instance, cause, None).map(|_| ())
    }

    /// When a period from now ends, by the bundle's calendar.
    pub fn after(&self, period: Period) -> Result<Time, String> {
        let calendar = self.calendars.0.get(&self.bundle.calendar);
        match (period, calendar) {
            (Period::Millis(millis), _) => Ok(self.now.plus_millis(millis)),
            (Period::Workdays(_), Some(calendar)) => {
                Ok(calendar.deadline(self.now, period, self.bundle.utc_offset_millis).due)
            }
            (Period::Workdays(_), None) => Err(format!("there is no calendar `{}`", self.bundle.calendar)),
        }
    }

    /// The instance a step speaks of: the root by default, a party's own, or the only one of a machine.
    pub fn instance(&self, name: Option<&str>) -> Result<&Instance, String> {
        let trade = self.trade()?;
        let root = trade.root().ok_or("the trade has no root")?;
        let Some(name) = name.filter(|name| *name != &*root.machine) else {
            return Ok(root);
        };
        let found: Vec<&Instance> = trade
            .instances
            .values()
            .map(AsRef::as_ref)
            .filter(|one| (one.parent.is_some() && one.owner.as_deref() == Some(name)) || &*one.machine == name)
            .collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(format!("there is no instance of or by `{name}`")),
            many => {
                // A room that was closed and one that is open: the living one is meant.
                let mut living = many.iter().filter(|instance| !instance.done);
                match (living.next(), living.next()) {
                    (Some(one), None) => Ok(one),
                    _ => Err(format!("there are {} instances of or by `{name}`", many.len())),
                }
            }
        }
    }
}

/// Who timers and performers act as.
pub fn system() -> Actor {
    Actor {
        account: "system".into(),
        ..Actor::default()
    }
}
