//! What an `expect` step claims of the trade as it stands. Must not change anything.

use super::literal;
use super::play::{moment, time};
use super::reading::{Fault, Spot};
use super::stage::Stage;
use crate::machine::definition::locate::Content;
use crate::machine::definition::model::{Machine, Type};
use crate::machine::step::Effect;
use crate::machine::trade::Instance;
use crate::machine::value::Value;

/// Checks every claim of the step; the first that fails is the fault.
pub fn hold(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    for (key, claim) in spot.entries()? {
        match key.as_str() {
            "due" => due(stage, &claim)?,
            "data" => data(stage, &claim)?,
            "documents" => counts(&claim, "documents asked for", |name| {
                count(
                    stage,
                    |effect| matches!(effect, Effect::Document { name: found, .. } if **found == *name),
                )
            })?,
            "mails" => counts(&claim, "mails", |name| {
                count(
                    stage,
                    |effect| matches!(effect, Effect::Mail { mail, .. } | Effect::TodoMail { mail, .. } if **mail == *name),
                )
            })?,
            "records" => counts(&claim, "records", |name| records(stage, name))?,
            "ledger" => ledger(stage, &claim)?,
            "balances" => balances(stage, &claim)?,
            "todos" => todos(stage, &claim)?,
            "trades" => {
                let opened = count(stage, |effect| matches!(effect, Effect::NewTrade { .. }));
                same(&claim, "trades opened", claim.int()?, opened)?;
            }
            name => states(stage, name, &claim)?,
        }
    }
    Ok(())
}

fn same(spot: &Spot<'_>, what: &str, expected: i64, actual: i64) -> Result<(), Fault> {
    if expected == actual {
        Ok(())
    } else {
        Err(spot.place().differs(what, expected, actual))
    }
}

fn count(stage: &Stage<'_>, which: impl Fn(&Effect) -> bool) -> i64 {
    i64::try_from(stage.effects.iter().filter(|effect| which(effect)).count()).unwrap_or(i64::MAX)
}

fn counts(spot: &Spot<'_>, what: &str, actual: impl Fn(&str) -> i64) -> Result<(), Fault> {
    for (name, claim) in spot.entries()? {
        same(&claim, &format!("{what}: `{name}`"), claim.int()?, actual(&name))?;
    }
    Ok(())
}

/// Entries of the public record by kind; `refused` counts refusals that were kept.
fn records(stage: &Stage<'_>, name: &str) -> i64 {
    if name == "refused" {
        let kept = stage
            .entries
            .iter()
            .filter(|entry| entry.public.refusal.is_some())
            .count();
        return i64::try_from(kept).unwrap_or(i64::MAX);
    }
    count(
        stage,
        |effect| matches!(effect, Effect::Recorded { kind, .. } if **kind == *name),
    )
}

/// Each named state (its name, the end of its path, or a tag) is active.
fn states(stage: &Stage<'_>, name: &str, spot: &Spot<'_>) -> Result<(), Fault> {
    let instance = stage.instance(Some(name)).map_err(|message| spot.fault(message))?;
    let machine = stage.machine(instance).map_err(|message| spot.fault(message))?;
    for claim in spot.one_or_many() {
        let wanted = claim.text()?;
        if !is_active(machine, instance, &wanted) {
            let actual = instance.states.join(", ");
            return Err(claim
                .place()
                .differs(format!("`{name}` is in another state"), wanted, actual));
        }
    }
    Ok(())
}

fn is_active(machine: &Machine, instance: &Instance, wanted: &str) -> bool {
    instance
        .states
        .iter()
        .filter_map(|path| machine.state_at(path))
        .flat_map(|state| machine.lineage(state.index))
        .any(|state| *state.path == *wanted || state.path.ends_with(&format!(".{wanted}")))
}

/// `auction.countdown: 2026-09-16 09:38`: a timer, or a to-do by the name of its state.
fn due(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    let offset = stage.bundle.utc_offset_millis;
    for (name, claim) in spot.entries()? {
        let (instance, timer) = owned(stage, &name, &claim)?;
        let from_timer = instance.timers.get(timer).map(|timer| timer.due);
        let from_todo = || {
            let mut todos = instance.todos.values();
            todos
                .find(|todo| todo.state.rsplit('.').next() == Some(timer))
                .and_then(|todo| todo.due)
        };
        let Some(actual) = from_timer.or_else(from_todo) else {
            let known: Vec<&str> = instance.timers.keys().map(AsRef::as_ref).collect();
            return Err(claim.fault(format!(
                "nothing called `{timer}` is due; timers are: {}",
                known.join(", ")
            )));
        };
        let expected = time(stage, &claim)?;
        if actual != expected {
            return Err(claim.place().differs(
                format!("`{name}` is due at another time"),
                literal::clock(expected, offset),
                literal::clock(actual, offset),
            ));
        }
    }
    Ok(())
}

fn owned<'n, 's>(stage: &'s Stage<'_>, name: &'n str, spot: &Spot<'_>) -> Result<(&'s Instance, &'n str), Fault> {
    let (owner, rest) = name.split_once('.').ok_or_else(|| {
        spot.fault(format!(
            "`{name}` names no instance: write `machine.name` or `party.name`"
        ))
    })?;
    let instance = stage.instance(Some(owner)).map_err(|message| spot.fault(message))?;
    Ok((instance, rest))
}

fn data(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    for (name, claim) in spot.entries()? {
        let (instance, field) = owned(stage, &name, &claim)?;
        let machine = stage.machine(instance).map_err(|message| claim.fault(message))?;
        let expected = match machine.field(field).map(|field| &field.kind) {
            // A party stands for the key of its instance, which is drawn.
            Some(Type::Key(_)) if !claim.is_null() => {
                let party = claim.text()?;
                let own = stage.instance(Some(&party)).map_err(|message| claim.fault(message))?;
                own.key.clone().map_or(Value::Null, Value::Text)
            }
            _ => literal::field(machine, field, &claim, moment(stage))?,
        };
        let actual = instance.data.get(field).cloned().unwrap_or_default();
        if actual != expected {
            return Err(claim.place().differs(
                format!("`{name}` has another value"),
                shown(stage, machine, field, &expected),
                shown(stage, machine, field, &actual),
            ));
        }
    }
    Ok(())
}

fn shown(stage: &Stage<'_>, machine: &Machine, field: &str, value: &Value) -> String {
    match (machine.field(field).map(|field| &field.kind), value) {
        (Some(Type::Money), Value::Int(fen)) => literal::yuan(*fen),
        (Some(Type::Time), Value::Int(millis)) => {
            literal::clock(crate::machine::Time(*millis), stage.bundle.utc_offset_millis)
        }
        (_, value) => serde_json::to_string(value).unwrap_or_default(),
    }
}

/// Money moved so far, by kind of movement.
fn ledger(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    for (name, claim) in spot.entries()? {
        let moved: i64 = stage
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Posting { movement, amount, .. } if **movement == *name => Some(*amount),
                _ => None,
            })
            .sum();
        same_money(&claim, &format!("money moved by `{name}`"), moved)?;
    }
    Ok(())
}

fn balances(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    for (name, claim) in spot.entries()? {
        let balance = stage.balances.get(name.as_str()).copied().unwrap_or_default();
        same_money(&claim, &format!("balance of `{name}`"), balance)?;
    }
    Ok(())
}

fn same_money(spot: &Spot<'_>, what: &str, actual: i64) -> Result<(), Fault> {
    let text = spot.text()?;
    let expected = literal::money(&text).ok_or_else(|| spot.fault("money is written like `96800.00元`"))?;
    if expected == actual {
        Ok(())
    } else {
        Err(spot
            .place()
            .differs(what, literal::yuan(expected), literal::yuan(actual)))
    }
}

/// The open to-dos are these and no others, by the names of their states.
fn todos(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    let trade = stage.trade().map_err(|message| spot.fault(message))?;
    let mut actual: Vec<String> = trade
        .instances
        .values()
        .flat_map(|instance| instance.todos.values())
        .map(|todo| todo.state.rsplit('.').next().unwrap_or_default().to_owned())
        .collect();
    let mut expected = spot
        .one_or_many()
        .iter()
        .map(Spot::text)
        .collect::<Result<Vec<_>, _>>()?;
    actual.sort();
    expected.sort();
    if actual == expected {
        Ok(())
    } else {
        Err(spot
            .place()
            .differs("other to-dos are open", expected.join(", "), actual.join(", ")))
    }
}

/// Compares a value whose type is not declared: money and times as written, else the plain value.
pub fn same_loosely(stage: &Stage<'_>, spot: &Spot<'_>, actual: &Value, what: &str) -> Result<(), Fault> {
    let expected = match &spot.node.content {
        Content::Bool(truth) => Value::Bool(*truth),
        Content::Int(int) => Value::Int(*int),
        _ => {
            let text = spot.text()?;
            let money = literal::money(&text).map(Value::Int);
            let time = || literal::time(&text, moment(stage)).map(Value::from);
            money.or_else(time).unwrap_or_else(|| Value::from(text.clone()))
        }
    };
    if expected == *actual {
        Ok(())
    } else {
        let plain = |value: &Value| serde_json::to_string(value).unwrap_or_default();
        Err(spot.place().differs(what, plain(&expected), plain(actual)))
    }
}
