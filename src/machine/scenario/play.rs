//! Plays the steps of a scenario, one input to the stage each. Must not look into machines beyond finding who a step speaks of.

use super::literal::{self, Moment};
use super::occupied;
use super::proof;
use super::reading::{Fault, Spot};
use super::signing;
use super::source::{Scenario, Step};
use super::stage::Stage;
use super::years;
use super::{expect, opening};
use crate::machine::Time;
use crate::machine::definition::model::{Machine, Type};
use crate::machine::outage::Reach;
use crate::machine::period::Period;
use crate::machine::roles;
use crate::machine::step::{Act, Actor, Answer, Cause};
use crate::machine::trade::{Instance, InstanceId, Todo};
use crate::machine::value::{Map, Name, Value};

/// Plays all steps, then proves the history and the ledger.
pub fn play(stage: &mut Stage<'_>, scenario: &Scenario) -> Result<(), Fault> {
    for step in &scenario.steps {
        play_step(stage, scenario, step).map_err(|mut fault| {
            fault.used_at = step
                .used_at
                .iter()
                .map(|place| format!("{}:{}", place.file, place.line))
                .collect();
            fault
        })?;
    }
    proof::hold(stage).map_err(|message| scenario.place.fault(message))
}

fn play_step(stage: &mut Stage<'_>, scenario: &Scenario, step: &Step) -> Result<(), Fault> {
    let spot = step.spot();
    let entries = spot.entries()?;
    let [(kind, inner)] = entries.as_slice() else {
        return Err(spot.fault("a step has one key: what it does"));
    };
    let at = |message: String| spot.fault(message);
    match kind.as_str() {
        "start" => opening::start(stage, scenario, inner),
        "send" | "todo" => {
            let answer = act(stage, inner)?;
            accepted(inner, &answer)
        }
        "refuse" => {
            let answer = act(stage, inner)?;
            refused(stage, inner, &answer)
        }
        "until" => {
            let target = time(stage, inner)?;
            if target < stage.now {
                return Err(inner.differs_time(stage, target));
            }
            stage.run_until(target).map_err(at)
        }
        "advance" => {
            let target = stage.after(period(inner)?).map_err(at)?;
            stage.run_until(target).map_err(at)
        }
        "outage" => outage(stage, inner, Reach::Path),
        "restart" => outage(stage, inner, Reach::Process),
        "fail" => {
            stage.failing.insert(inner.text()?);
            Ok(())
        }
        "occupy" => occupied::occupy(stage, inner),
        "calendar" => years::publish(stage, inner),
        "mend" => mend(stage, &inner.text()?).map_err(at),
        "expect" => expect::hold(stage, inner),
        other => Err(spot.fault(format!(
            "`{other}` is not a step; known are start, send, refuse, todo, until, advance, outage, restart, occupy, calendar, fail, mend, expect, use"
        ))),
    }
}

fn outage(stage: &mut Stage<'_>, spot: &Spot<'_>, reach: Reach) -> Result<(), Fault> {
    match period(spot)? {
        Period::Millis(millis) => stage.outage(millis, reach).map_err(|message| spot.fault(message)),
        Period::Workdays(_) => Err(spot.fault("an outage is a duration")),
    }
}

impl Spot<'_> {
    fn differs_time(&self, stage: &Stage<'_>, target: Time) -> Fault {
        let offset = stage.bundle.utc_offset_millis;
        self.place().differs(
            "time does not run back",
            format!("after {}", literal::clock(stage.now, offset)),
            literal::clock(target, offset),
        )
    }
}

/// What literals of this moment mean.
pub fn moment(stage: &Stage<'_>) -> Moment {
    Moment {
        now: stage.now,
        utc_offset_millis: stage.bundle.utc_offset_millis,
    }
}

/// A time written in a scenario.
pub fn time(stage: &Stage<'_>, spot: &Spot<'_>) -> Result<Time, Fault> {
    let text = spot.text()?;
    literal::time(&text, moment(stage))
        .ok_or_else(|| spot.fault(format!("`{text}` is not a time such as `2026-09-02 09:00`")))
}

fn period(spot: &Spot<'_>) -> Result<Period, Fault> {
    spot.text()?.parse().map_err(|message: String| spot.fault(message))
}

pub(super) fn accepted(spot: &Spot<'_>, answer: &Answer) -> Result<(), Fault> {
    let repeated = spot.get("repeated").is_some();
    match answer {
        Answer::Taken { .. } if !repeated => Ok(()),
        Answer::Repeated if repeated => Ok(()),
        Answer::Refused(refusal) => {
            let text = format!("refused `{}` ({})", refusal.code, refusal.text);
            Err(spot.place().differs("this should have been taken", "taken", text))
        }
        other => Err(spot.place().differs(
            "this was answered otherwise",
            if repeated {
                "recognised as a repetition"
            } else {
                "taken"
            },
            format!("{other:?}"),
        )),
    }
}

pub(super) fn refused(stage: &Stage<'_>, spot: &Spot<'_>, answer: &Answer) -> Result<(), Fault> {
    let code = spot.need("code")?.text()?;
    let Answer::Refused(refusal) = answer else {
        return Err(spot
            .place()
            .differs("this should have been refused", format!("`{code}`"), "taken"));
    };
    if *refusal.code != *code {
        let actual = format!("`{}` ({})", refusal.code, refusal.text);
        return Err(spot
            .place()
            .differs("this was refused for another reason", format!("`{code}`"), actual));
    }
    for (key, wanted) in spot
        .get("tell")
        .map(|tell| tell.entries())
        .transpose()?
        .unwrap_or_default()
    {
        let told = refusal.tell.get(key.as_str()).cloned().unwrap_or_default();
        expect::same_loosely(stage, &wanted, &told, &format!("`{key}` told with the refusal"))?;
    }
    Ok(())
}

const ACT_KEYS: [&str; 12] = [
    "as", "to", "event", "with", "do", "of", "code", "tell", "repeated", "hand_to", "signed", "stamped",
];

/// Sends what a `send`, `todo` or `refuse` step says.
fn act(stage: &mut Stage<'_>, spot: &Spot<'_>) -> Result<Answer, Fault> {
    spot.only(&ACT_KEYS)?;
    let root = stage
        .instance(None)
        .map_err(|message| spot.fault(message))?
        .data
        .clone();
    let who = spot.need("as")?;
    let actor = stage.actor(&who.text()?, &root).map_err(|message| who.fault(message))?;
    let (instance, cause) = match spot.get("do") {
        Some(outcome) => todo_cause(stage, spot, &outcome, &actor)?,
        None => event_cause(stage, spot, &actor)?,
    };
    let stamped = spot.get("stamped").map(|at| time(stage, &at)).transpose()?;
    stage
        .offer(actor, instance, cause, stamped)
        .map_err(|message| spot.fault(message))
}

fn event_cause(stage: &Stage<'_>, spot: &Spot<'_>, actor: &Actor) -> Result<(InstanceId, Cause), Fault> {
    let to = spot.get("to").map(|to| to.text()).transpose()?;
    let instance = stage.instance(to.as_deref()).map_err(|message| spot.fault(message))?;
    let machine = stage.machine(instance).map_err(|message| spot.fault(message))?;
    let name = spot.need("event")?.text()?;
    let mut payload = Map::new();
    for (key, value) in spot
        .get("with")
        .map(|with| with.entries())
        .transpose()?
        .unwrap_or_default()
    {
        let declared = machine
            .events
            .get(name.as_str())
            .and_then(|event| event.payload.iter().find(|(field, _)| **field == *key));
        let value = match declared {
            Some((_, kind)) => literal::of_type(kind, &value, moment(stage))?,
            None => match plate(stage, machine, &key, &value)? {
                Some(plate) => plate.into(),
                None => literal::field(machine, &key, &value, moment(stage))?,
            },
        };
        payload.insert(key.into(), value);
    }
    let wants = spot.get("signed").map(|signed| signed.text()).transpose()?;
    let signed = match wants.as_deref() {
        None | Some("false") => None,
        Some("true") => Some(signing::signed(actor, &name)),
        Some(other) => return Err(spot.fault(format!("`signed` is true or false, not `{other}`"))),
    };
    let cause = Cause::Event {
        name: name.into(),
        payload,
        signed,
    };
    Ok((instance.id.clone(), cause))
}

/// The random key of a party's instance, where a field that holds one names the party.
fn plate(stage: &Stage<'_>, machine: &Machine, field: &str, spot: &Spot<'_>) -> Result<Option<Name>, Fault> {
    let keyed = machine
        .field(field)
        .is_some_and(|field| matches!(field.kind, Type::Key(_)));
    let party = spot
        .text()
        .ok()
        .filter(|party| keyed && stage.cast.parties.contains(party));
    Ok(match party {
        Some(party) => {
            let instance = stage.instance(Some(&party)).map_err(|message| spot.fault(message))?;
            instance.key.clone()
        }
        None => None,
    })
}

fn todo_cause(
    stage: &Stage<'_>,
    spot: &Spot<'_>,
    outcome: &Spot<'_>,
    actor: &Actor,
) -> Result<(InstanceId, Cause), Fault> {
    let text = outcome.text()?;
    let (state, act) = text.rsplit_once('.').ok_or_else(|| {
        outcome.fault(format!(
            "`{text}` is not a to-do and its outcome, such as `drafting.submit`"
        ))
    })?;
    let of = spot.get("of").map(|of| of.text()).transpose()?;
    let (instance, todo) = find_todo(stage, state, of.as_deref(), actor).map_err(|message| outcome.fault(message))?;
    let machine = stage.machine(instance).map_err(|message| spot.fault(message))?;
    let declared = machine.state_at(&todo.state).and_then(|state| state.todo.as_ref());
    let known = declared.is_some_and(|declared| declared.outcomes.iter().any(|outcome| &**outcome == act));
    let act = match act {
        "claim" if !known => Act::Claim,
        "release" if !known => Act::Release,
        "transfer" if !known => Act::Transfer {
            to: spot.need("hand_to")?.text()?.into(),
        },
        outcome => {
            let payload = filled_in(stage, spot, machine, instance, todo)?;
            let seen = payload.get("digest").and_then(Value::as_text);
            Act::Complete {
                outcome: outcome.into(),
                sealed: declared.and_then(|declared| signing::sealed(actor, instance, (declared, outcome), seen)),
                payload,
            }
        }
    };
    let todo = todo.id.clone();
    Ok((instance.id.clone(), Cause::Todo { todo, act }))
}

/// What is filled in: the fields given, and the digest of a document to sign where none is given.
fn filled_in(
    stage: &Stage<'_>,
    spot: &Spot<'_>,
    machine: &Machine,
    instance: &Instance,
    todo: &Todo,
) -> Result<Map, Fault> {
    let mut payload = Map::new();
    for (key, value) in spot
        .get("with")
        .map(|with| with.entries())
        .transpose()?
        .unwrap_or_default()
    {
        let value = match key.as_str() {
            "digest" => Value::from(value.text()?),
            _ => literal::field(machine, &key, &value, moment(stage))?,
        };
        payload.insert(key.into(), value);
    }
    let signed = machine
        .state_at(&todo.state)
        .and_then(|state| state.todo.as_ref()?.sign.clone());
    if let Some(digest) = signed.and_then(|document| instance.documents.get(&document)?.sha256.clone()) {
        payload.entry("digest".into()).or_insert(Value::Text(digest));
    }
    Ok(payload)
}

/// The open to-do of a state: the only one, or the only one of which the actor is a candidate.
fn find_todo<'s>(
    stage: &'s Stage<'_>,
    state: &str,
    of: Option<&str>,
    actor: &Actor,
) -> Result<(&'s Instance, &'s Todo), String> {
    let trade = stage.trade()?;
    let only = of
        .map(|of| stage.instance(Some(of)).map(|instance| instance.id.clone()))
        .transpose()?;
    let mut all = Vec::new();
    let mut found = Vec::new();
    for instance in trade.instances.values() {
        for todo in instance.todos.values() {
            all.push(format!("{} {}", instance.machine, todo.state));
            let named = *todo.state == *state || todo.state.ends_with(&format!(".{state}"));
            if named && only.as_ref().is_none_or(|only| *only == instance.id) {
                found.push((instance.as_ref(), todo));
            }
        }
    }
    if found.len() > 1 {
        found.retain(|(instance, todo)| {
            let declared = stage
                .machine(instance)
                .ok()
                .and_then(|machine| machine.state_at(&todo.state)?.todo.as_ref());
            declared.is_some_and(|declared| {
                declared
                    .roles
                    .iter()
                    .any(|role| roles::holds(stage.bundle, trade, instance, role, actor))
            })
        });
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("no open to-do is `{state}`; open are: {}", all.join(", "))),
        _ => Err(format!("several open to-dos are `{state}`; say `of:` whose")),
    }
}

/// Renders what failed, from now on and for what waits.
fn mend(stage: &mut Stage<'_>, document: &str) -> Result<(), String> {
    stage.failing.remove(document);
    let waiting = std::mem::take(&mut stage.unrendered);
    for effect in waiting {
        stage.render(&effect)?;
    }
    stage.settle()
}
