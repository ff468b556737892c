//! Named timers: armed on entry, disarmed on exit, reset, fired, counted again by a new calendar. Must not read a clock.

use super::event::{Stop, payload};
use super::run::Run;
use super::todos::legal_timer;
use super::types::{Effect, Fault};
use super::work::Work;
use crate::machine::Time;
use crate::machine::calendar::Deadline;
use crate::machine::definition::model::{Schedule, State, TimerDefinition};
use crate::machine::period::Period;
use crate::machine::trade::{Instance, InstanceId, Timer};
use crate::machine::value::{Name, Value};

/// When something is due, and what that rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub start: Time,
    pub deadline: Deadline,
    pub period: Option<Period>,
}

impl Plan {
    /// A timer of a state, not yet numbered.
    pub fn timer(&self, state: &Name) -> Timer {
        Timer {
            state: state.clone(),
            generation: 0,
            start: self.start,
            due: self.deadline.due,
            period: self.period,
            provisional: self.deadline.provisional,
            watch: None,
            frozen: None,
            held: false,
            message: None,
        }
    }
}

/// The event that a timer fires: a to-do's legal deadline is its outcome `overdue`.
pub(super) fn event_name(timer: &str) -> Name {
    if timer.starts_with("todo.") {
        format!("{timer}.overdue").into()
    } else {
        format!("timer.{timer}").into()
    }
}

/// Timers of one instance that may fire one after another at the same due time. Beyond that, a definition arms a timer again at
/// the very time at which it fired, and would do so without end.
const MOST_AT_ONCE: u32 = 100;

impl<'a> Run<'_, 'a> {
    /// Starts a state's timer.
    pub fn arm(&mut self, state: &'a State, definition: &'a TimerDefinition) -> Result<(), Fault> {
        let start = match &definition.from {
            Some(from) => self.time(self.evaluate(from)?)?.unwrap_or(self.work.now),
            None => self.work.now,
        };
        let timer = self.plan(&definition.when, start)?.timer(&state.path);
        let watch = self.watch(definition)?;
        self.start_timer(definition.name.clone(), Timer { watch, ..timer })
    }

    fn watch(&self, definition: &TimerDefinition) -> Result<Option<i64>, Fault> {
        let Some(watch) = &definition.watch else {
            return Ok(None);
        };
        let millis = self.evaluate(watch)?.as_int();
        let millis = millis.ok_or_else(|| self.fault(format!("`{}` is not a length of time", watch.source)))?;
        Ok(Some(millis.max(0)))
    }

    /// Starts a timer again from now, at its full length or at another. Whatever fired of it until now is stale.
    pub fn reset(&mut self, name: &Name, after: Option<&Schedule>) -> Result<(), Fault> {
        let states = self.active.iter().map(|index| self.state(*index));
        let mut timers = states.flat_map(|state| state.timers.iter().map(move |timer| (state, timer)));
        let found = timers.find(|(_, timer)| timer.name == *name);
        let Some((state, definition)) = found else {
            return self.reset_todo(name, after);
        };
        let when = after.unwrap_or(&definition.when);
        let timer = self.plan(when, self.work.now)?.timer(&state.path);
        let watch = self.watch(definition)?;
        self.start_timer(name.clone(), Timer { watch, ..timer })
    }

    /// Gives an open to-do a new due date, as if it had opened now; who holds it and what they drafted stay. One that is frozen
    /// keeps what was left of it.
    fn reset_todo(&mut self, name: &Name, after: Option<&Schedule>) -> Result<(), Fault> {
        let mut states = self.active.iter().map(|index| self.state(*index));
        let found = states.find_map(|state| {
            let todo = state.todo.as_ref().filter(|todo| todo.name == *name)?;
            Some((state, todo, todo.due.as_ref()?))
        });
        let Some((state, definition, due)) = found else {
            return Err(self.fault(format!("no active state has `{name}` to reset")));
        };
        let plan = self.plan(after.unwrap_or(due), self.work.now)?;
        let instance = self.work.change(&self.id)?;
        let mut todos = instance.todos.values_mut();
        let Some(todo) = todos.find(|todo| todo.state == state.path && !todo.frozen) else {
            return Ok(());
        };
        todo.start = plan.start;
        todo.due = Some(plan.deadline.due);
        todo.period = plan.period;
        todo.provisional = plan.deadline.provisional;
        if definition.legal_due {
            self.start_timer(legal_timer(definition), plan.timer(&state.path))?;
        }
        Ok(())
    }

    /// Puts a timer in place of whatever ran under its name, with the next generation.
    pub fn start_timer(&mut self, name: Name, mut timer: Timer) -> Result<(), Fault> {
        let instance = self.work.change(&self.id)?;
        let running = instance.timers.get(&name).map(|timer| timer.generation);
        let ended = instance.generations.remove(&name);
        timer.generation = running.max(ended).unwrap_or(0) + 1;
        instance.timers.insert(name, timer);
        Ok(())
    }

    /// Ends a state's timers; their generations stay, so that a late firing is still stale.
    pub fn disarm(&mut self, state: &State) -> Result<(), Fault> {
        if state.timers.is_empty() && state.todo.is_none() {
            return Ok(());
        }
        let instance = self.work.change(&self.id)?;
        let of_state = |_: &Name, timer: &mut Timer| timer.message.is_none() && timer.state == state.path;
        let ended = instance.timers.extract_if(.., of_state);
        let generations: Vec<(Name, u32)> = ended.map(|(name, timer)| (name, timer.generation)).collect();
        instance.generations.extend(generations);
        Ok(())
    }

    /// When something scheduled from `start` is due.
    pub fn plan(&self, when: &Schedule, start: Time) -> Result<Plan, Fault> {
        let period = match when {
            Schedule::After(period) => *period,
            Schedule::AfterValue(value) => self.period(self.evaluate(value)?)?,
            Schedule::Until(value) => return Ok(self.at_once_or_later(self.time(self.evaluate(value)?)?)),
        };
        Ok(Plan {
            start,
            deadline: self.work.calendar.deadline(start, period),
            period: Some(period),
        })
    }

    /// A time that is past or absent means now.
    fn at_once_or_later(&self, time: Option<Time>) -> Plan {
        let now = self.work.now;
        Plan {
            start: now,
            deadline: Deadline {
                due: time.map_or(now, |time| time.max(now)),
                provisional: false,
            },
            period: None,
        }
    }

    fn time(&self, value: Value) -> Result<Option<Time>, Fault> {
        match value {
            Value::Null => Ok(None),
            Value::Int(millis) => Ok(Some(Time(millis))),
            other => Err(self.fault(format!("{other:?} is not a time"))),
        }
    }

    fn period(&self, value: Value) -> Result<Period, Fault> {
        match value {
            Value::Int(millis) if millis >= 0 => Ok(Period::Millis(millis)),
            Value::Text(text) => text.parse().map_err(|why| self.fault(why)),
            other => Err(self.fault(format!("{other:?} is not a length of time"))),
        }
    }
}

/// Fires a timer. One that was reset, disarmed, frozen or moved meanwhile is stale and does nothing.
pub(super) fn fire(work: &mut Work<'_>, id: &InstanceId, name: &Name, generation: u32) -> Result<Option<Name>, Stop> {
    let now = work.now;
    let Ok(instance) = work.instance(id) else {
        return Err(Stop::Repeated);
    };
    let armed = instance
        .timers
        .get(name)
        .filter(|timer| !instance.done && timer.is_live());
    let Some(timer) = armed.filter(|timer| timer.generation == generation && timer.due <= now) else {
        return Err(Stop::Repeated);
    };
    let timer = timer.clone();
    let at_once = count_at_once(instance, &timer);
    if at_once > MOST_AT_ONCE {
        let text = format!("more than {MOST_AT_ONCE} timers fired one after another while no time went on");
        return Err(Stop::Failed(work.fault(id, &event_name(name), text)));
    }
    let instance = work.change(id)?;
    instance.at_once = at_once;
    instance.timers.remove(name);
    instance.generations.insert(name.clone(), generation);
    instance.fired = instance.fired.max(Some(timer.due));
    match timer.message {
        Some(message) => {
            for to in message.to {
                work.deliver(to, message.event.clone(), message.data.clone(), Some(id.clone()));
            }
        }
        None => {
            let facts = payload([
                ("timer", name.clone().into()),
                ("due", timer.due.into()),
                ("outage", work.context.outage.into()),
                ("late", work.context.late.into()),
                ("broken", work.context.broken.into()),
            ]);
            work.deliver(id.clone(), event_name(name), facts, None);
        }
    }
    Ok(None)
}

/// How many timers have fired in a row, this one included, that were due no later than the one before. Messages that were sent
/// with a delay do not count: many may arrive at the same time, and each was sent once.
fn count_at_once(instance: &Instance, timer: &Timer) -> u32 {
    let moved_on = instance.fired.is_none_or(|fired| timer.due > fired);
    let delayed = timer.message.is_some() && timer.due > timer.start;
    match (moved_on, delayed) {
        (true, _) => 0,
        (false, true) => instance.at_once,
        (false, false) => instance.at_once + 1,
    }
}

/// Parks a timer whose firing failed.
pub(super) fn hold(work: &mut Work<'_>, id: &InstanceId, name: &Name) {
    if let Ok(instance) = work.change(id)
        && let Some(timer) = instance.timers.get_mut(name)
    {
        timer.held = true;
    }
}

/// Lets a parked timer fire again; it is due, so it fires with this decision.
pub(super) fn retry(work: &mut Work<'_>, id: &InstanceId, name: &Name) -> Result<Option<Name>, Stop> {
    let held = work.instance(id).ok().and_then(|instance| instance.timers.get(name));
    if !held.is_some_and(|timer| timer.held) {
        return Err(Stop::Repeated);
    }
    let instance = work.change(id)?;
    instance.at_once = 0;
    if let Some(timer) = instance.timers.get_mut(name) {
        timer.held = false;
    }
    Ok(None)
}

/// Counts the provisional deadlines again after a calendar year was published. One that rested on published years when it
/// was announced stands, whatever is published or amended later.
pub(super) fn count_again(work: &mut Work<'_>) -> Result<Option<Name>, Stop> {
    let living: Vec<InstanceId> = work
        .trade
        .instances
        .values()
        .filter(|one| !one.done)
        .map(|one| one.id.clone())
        .collect();
    let mut changed = false;
    for id in living {
        let timers: Vec<(Name, Timer)> = work.instance(&id)?.timers.clone().into_iter().collect();
        for (name, timer) in timers {
            changed |= count_timer_again(work, &id, &name, &timer)?;
        }
        changed |= count_todos_again(work, &id)?;
    }
    if changed { Ok(None) } else { Err(Stop::Repeated) }
}

fn count_timer_again(work: &mut Work<'_>, id: &InstanceId, name: &Name, timer: &Timer) -> Result<bool, Fault> {
    let open = timer.provisional && timer.frozen.is_none();
    let Some(period @ Period::Workdays(_)) = timer.period.filter(|_| open) else {
        return Ok(false);
    };
    let counted = work.calendar.deadline(timer.start, period);
    if counted.due == timer.due && counted.provisional == timer.provisional {
        return Ok(false);
    }
    let missed = counted.due <= work.now && !counted.provisional;
    let moved = Timer {
        due: counted.due,
        provisional: counted.provisional,
        generation: timer.generation + 1,
        held: timer.held || missed,
        ..timer.clone()
    };
    work.change(id)?.timers.insert(name.clone(), moved);
    if missed {
        let fault = work.fault(id, &event_name(name), "the new calendar puts it into the past".into());
        work.effects.push(Effect::Incident { fault, at: work.now });
    }
    if counted.due != timer.due {
        tell_moved(work, id, name, "calendar", counted.due);
    }
    Ok(true)
}

fn count_todos_again(work: &mut Work<'_>, id: &InstanceId) -> Result<bool, Fault> {
    let mut todos = work.instance(id)?.todos.clone();
    let mut changed = false;
    for todo in todos.values_mut().filter(|todo| todo.provisional && !todo.frozen) {
        if let Some(period @ Period::Workdays(_)) = todo.period {
            let counted = work.calendar.deadline(todo.start, period);
            changed |= todo.due != Some(counted.due) || todo.provisional != counted.provisional;
            todo.due = Some(counted.due);
            todo.provisional = counted.provisional;
        }
    }
    if changed {
        work.change(id)?.todos = todos;
    }
    Ok(changed)
}

/// Tells an instance that one of its timers moved, so that data and notices which quote it can be renewed.
pub(super) fn tell_moved(work: &mut Work<'_>, id: &InstanceId, timer: &str, why: &str, due: Time) {
    let facts = payload([("why", why.into()), ("due", due.into())]);
    work.deliver(id.clone(), format!("timer.{timer}.moved"), facts, None);
}
