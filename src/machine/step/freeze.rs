//! Suspension: while a state with `freezes` is active, a region's timers and to-dos and the instance's children stand still,
//! people's events are refused unless let through, and what remained runs on after the thaw.
//! Must not move any state: a machine answers `thawed` by its own rule.

use super::configuration::configuration;
use super::run::{Run, freezers};
use super::timers::{Plan, tell_moved};
use super::types::Fault;
use super::work::Work;
use crate::machine::Time;
use crate::machine::calendar::Counting;
use crate::machine::definition::model::{EventDefinition, Machine, State, StateIndex};
use crate::machine::period::Period;
use crate::machine::trade::{InstanceId, Remainder, Timer, Todo};
use crate::machine::value::{Map, Name};

impl Run<'_, '_> {
    /// Freezes and thaws by where the instance stands now. Looked at once the instance is stable.
    pub fn settle_freezing(&mut self) -> Result<(), Fault> {
        let now = freezers(self.machine, &self.active);
        let frozen = self.instance()?.frozen;
        if now.is_empty() && self.freezers.is_empty() && !frozen {
            return Ok(());
        }
        settle(self.work, &self.id)
    }
}

/// True where an outside event of an instance is refused `suspended` before any state is asked.
pub(super) fn is_frozen(work: &Work<'_>, id: &InstanceId, event: &EventDefinition) -> Result<bool, Fault> {
    let instance = work.instance(id)?;
    // Starting a child is no transition whose region could be looked at: any suspension stops it.
    let starts = event.starts.is_some() && covers(work, id, None)?;
    Ok((instance.frozen || starts) && !is_let_through(work, id, &event.name)?)
}

/// True where a suspension of the instance or of one it descends from names the event.
pub(super) fn is_let_through(work: &Work<'_>, id: &InstanceId, event: &str) -> Result<bool, Fault> {
    let mut next = Some(id.clone());
    while let Some(id) = next {
        let (instance, machine) = (work.instance(&id)?, work.machine(&id)?);
        let active = configuration(machine, instance);
        if freezers(machine, &active)
            .iter()
            .any(|state| state.let_through.contains(event))
        {
            return Ok(true);
        }
        next = instance.parent.clone();
    }
    Ok(false)
}

/// True where a child of `parent` stands still: always under a frozen parent; under a suspension, unless a state outside
/// of the frozen region invoked it.
pub(super) fn covers(work: &Work<'_>, parent: &InstanceId, invoked_by: Option<StateIndex>) -> Result<bool, Fault> {
    let (instance, machine) = (work.instance(parent)?, work.machine(parent)?);
    let active = configuration(machine, instance);
    Ok(instance.frozen || reaches(machine, &freezers(machine, &active), invoked_by))
}

fn reaches(machine: &Machine, freezers: &[&State], state: Option<StateIndex>) -> bool {
    freezers
        .iter()
        .filter_map(|freezer| freezer.freezes)
        .any(|region| match state {
            Some(state) => machine.is_within(state, region),
            None => true,
        })
}

/// Brings an instance's timers, to-dos and children in line with what stands still now.
fn settle(work: &mut Work<'_>, id: &InstanceId) -> Result<(), Fault> {
    let machine = work.machine(id)?;
    let instance = work.instance(id)?;
    let active = configuration(machine, instance);
    let freezers = freezers(machine, &active);
    let stands_still = |path: &Name| {
        let index = machine.by_path.get(path).copied();
        index.is_some_and(|index| reaches(machine, &freezers, Some(index)))
    };
    let frozen = instance.frozen;
    settle_timers(work, id, &|timer| frozen || stands_still(&timer.state))?;
    settle_todos(work, id, &|todo| frozen || stands_still(&todo.state))?;
    for child in work.children(id) {
        let instance = work.instance(&child)?;
        let invoked_by = instance
            .invoked_by
            .as_ref()
            .and_then(|path| machine.by_path.get(path).copied());
        let still = frozen || reaches(machine, &freezers, invoked_by);
        if instance.frozen != still && !instance.done {
            work.change(&child)?.frozen = still;
            settle(work, &child)?;
            if !still {
                work.deliver(child, "thawed", Map::new(), Some(id.clone()));
            }
        }
    }
    Ok(())
}

fn settle_timers(work: &mut Work<'_>, id: &InstanceId, still: &dyn Fn(&Timer) -> bool) -> Result<(), Fault> {
    let instance = work.instance(id)?;
    let turning = instance
        .timers
        .iter()
        .filter(|(_, timer)| timer.frozen.is_some() != still(timer));
    let turning: Vec<(Name, Timer)> = turning.map(|(name, timer)| (name.clone(), timer.clone())).collect();
    for (name, mut timer) in turning {
        match timer.frozen.take() {
            None => timer.frozen = Some(remaining(&work.calendar, work.now, timer.due, timer.period)),
            Some(left) => {
                let resumed = resume(&work.calendar, work.now, &left);
                timer.start = resumed.start;
                timer.due = resumed.deadline.due;
                timer.provisional = resumed.deadline.provisional;
                timer.period = timer.period.and(resumed.period);
                timer.generation += 1;
                tell_moved(work, id, &name, "thawed", timer.due);
            }
        }
        work.change(id)?.timers.insert(name, timer);
    }
    Ok(())
}

fn settle_todos(work: &mut Work<'_>, id: &InstanceId, still: &dyn Fn(&Todo) -> bool) -> Result<(), Fault> {
    let turning = work
        .instance(id)?
        .todos
        .values()
        .filter(|todo| todo.frozen != still(todo));
    let turning: Vec<Todo> = turning.cloned().collect();
    for mut todo in turning {
        todo.frozen = !todo.frozen;
        match todo.remainder.take() {
            None => {
                todo.remainder = todo
                    .due
                    .map(|due| remaining(&work.calendar, work.now, due, todo.period))
            }
            Some(left) => {
                let resumed = resume(&work.calendar, work.now, &left);
                todo.start = resumed.start;
                todo.due = Some(resumed.deadline.due);
                todo.provisional = resumed.deadline.provisional;
                todo.period = todo.period.and(resumed.period);
            }
        }
        work.change(id)?.todos.insert(todo.id.clone(), todo);
    }
    Ok(())
}

fn remaining(calendar: &Counting<'_>, now: Time, due: Time, period: Option<Period>) -> Remainder {
    match period {
        Some(Period::Workdays(_)) => Remainder::Workdays {
            days: calendar.workdays_between(now, due),
            clock: calendar.local(due).1,
        },
        _ => Remainder::Millis(due.millis_since(now).max(0)),
    }
}

/// What remained, counted from the thaw. Working days are counted from the thaw's day at the clock time they keep, so that a
/// new calendar counts them the same way.
fn resume(calendar: &Counting<'_>, now: Time, left: &Remainder) -> Plan {
    let (start, period) = match *left {
        Remainder::Millis(millis) => (now, Period::Millis(millis)),
        Remainder::Workdays { days, clock } => {
            let (date, time_of_day) = calendar.local(now);
            // The last day may be over by the clock, or no working day at all: then the next one.
            let over = days == 0 && (clock <= time_of_day || !calendar.is_workday(date).0);
            let start = now.plus_millis(clock - time_of_day);
            (start, Period::Workdays(if over { 1 } else { days }))
        }
    };
    Plan {
        start,
        deadline: calendar.deadline(start, period),
        period: Some(period),
    }
}
