//! `decide`: one outside event over a whole trade. The same function live, in scenarios and in tests; replay decides its entries one
//! by one. Must not know a database, a clock, a network or a source of randomness: what is known beforehand comes in through
//! `Context`, what only the decision knows to ask for is asked of `Outside` and kept in the entry, so that replay asks nobody.
//!
//! ```text
//! decide ── due timers, then the input, then timers due at once: an entry each
//!   └ decide_one ── accept | todos | timers | children: who may, and what it means   (a refusal or fault changes nothing)
//!       └ Work::settle ── events wait in one queue for the trade
//!           └ Run ── one instance works through one event: select → exit → actions → enter, until it is stable
//! ```

mod accept;
mod actions;
mod children;
mod configuration;
mod entering;
mod event;
mod exiting;
mod forms;
mod freeze;
mod ids;
mod lines;
mod refusals;
mod run;
mod scope;
mod select;
mod sessions;
mod timers;
mod todo_acts;
mod todos;
mod types;
mod work;

use super::Time;
use super::calendar::Calendars;
use super::definition::model::Bundle;
use super::history::derive;
use super::trade::{InstanceId, Trade};
use super::value::Name;

pub use configuration::{Configuration, active_names, configuration, has_tag, tags};
pub use forms::fits;
pub use lines::{Fact, Line, Outcome};
pub use refusals::refusal;
pub use scope::{Names, computed};
pub use types::*;
pub(crate) use work::decide_one;

/// Timers that one decision fires at most: enough to catch up after a long outage; what is left fires with the next.
const MOST_FIRINGS: usize = 1_000;

/// Fires what is due at `input.at`, then decides the input.
/// `trade` is `None` only for `Cause::Start`, and `input.instance` is then the id of the new trade.
///
/// Timers that the input arms and that are due at once fire with it. Each firing is an entry of its own, in whose context stands what
/// `outside` answered.
pub fn decide(
    bundle: &Bundle,
    trade: Option<&Trade>,
    input: &Input,
    context: &Context,
    calendars: &Calendars,
    outside: Outside<'_>,
) -> Decision {
    let mut course = Course {
        bundle,
        calendars,
        context,
        outside,
        input,
        given: trade,
        decided: None,
        entries: Vec::new(),
        lines: Vec::new(),
        effects: Vec::new(),
        fired: Vec::new(),
    };
    course.fire_due();
    let answer = match &input.cause {
        Cause::Timer { name, generation } => course.answer_of(name, *generation),
        _ => course.take(input, context),
    };
    course.fire_due();
    course.conclude(answer)
}

/// A decision in the making: entries follow each other, each upon the trade that the one before left.
struct Course<'a> {
    bundle: &'a Bundle,
    calendars: &'a Calendars,
    context: &'a Context,
    outside: Outside<'a>,
    input: &'a Input,
    given: Option<&'a Trade>,
    /// The trade after the last entry; `None` while nothing has changed.
    decided: Option<Trade>,
    entries: Vec<super::history::Entry>,
    lines: Vec<Line>,
    effects: Vec<Effect>,
    fired: Vec<(InstanceId, Name, u32, Answer)>,
}

impl Course<'_> {
    fn trade(&self) -> Option<&Trade> {
        self.decided.as_ref().or(self.given)
    }

    fn take(&mut self, input: &Input, context: &Context) -> Answer {
        let decision = decide_one(
            self.bundle,
            self.trade(),
            input,
            context,
            self.calendars,
            self.outside.slot,
        );
        self.entries.extend(decision.entries);
        self.lines.extend(decision.lines);
        self.effects.extend(decision.effects);
        self.decided = Some(decision.trade);
        decision.answer
    }

    fn fire_due(&mut self) {
        while self.fired.len() < MOST_FIRINGS {
            let Some((input, context)) = self.next_firing() else {
                return;
            };
            let answer = self.take(&input, &context);
            if let Cause::Timer { name, generation } = input.cause {
                self.fired.push((input.instance, name, generation, answer));
            }
        }
    }

    /// The earliest due timer as an input of its own, with a seed of its own.
    fn next_firing(&self) -> Option<(Input, Context)> {
        let trade = self.trade()?;
        let (instance, name, due) = trade.next_due(self.input.at.max(trade.now))?;
        let timer = trade.instances.get(&instance)?.timers.get(&name)?;
        let (generation, delay) = (timer.generation, (self.outside.delay)(timer));
        let input = Input {
            instance,
            cause: Cause::Timer { name, generation },
            at: due,
        };
        let context = Context {
            actor: Actor::system(),
            seed: derive(&self.context.seed, &format!("firing {}", self.fired.len())),
            outage: delay.outage,
            late: delay.late,
            broken: delay.broken,
            calendar_version: self.context.calendar_version,
            slots: Vec::new(),
        };
        Some((input, context))
    }

    fn answer_of(&self, name: &str, generation: u32) -> Answer {
        let mut fired = self.fired.iter();
        fired
            .find(|(instance, timer, of, _)| *instance == self.input.instance && &**timer == name && *of == generation)
            .map_or(Answer::Repeated, |(_, _, _, answer)| answer.clone())
    }

    fn conclude(self, answer: Answer) -> Decision {
        let unopened = || Trade::unopened(self.bundle, self.input.instance.clone(), self.input.at);
        Decision {
            trade: self.decided.or_else(|| self.given.cloned()).unwrap_or_else(unopened),
            entries: self.entries,
            lines: self.lines,
            effects: self.effects,
            answer,
        }
    }
}

impl Actor {
    /// Who acts where nobody does: timers and effects.
    pub fn system() -> Self {
        Self {
            account: "system".into(),
            ..Self::default()
        }
    }
}

impl Trade {
    /// A trade before its first entry.
    pub fn unopened(bundle: &Bundle, id: InstanceId, now: Time) -> Self {
        Self {
            id,
            bundle: bundle.reference.clone(),
            seq: 0,
            head: super::history::origin(),
            now,
            instances: std::collections::BTreeMap::new(),
        }
    }
}
