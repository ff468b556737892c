//! Who may send what: roles, payloads, suspension, repeated messages; then the event is offered to its instance.
//! Must not know what the event means: that stands in the machine.

use std::collections::BTreeSet;

use super::configuration::has_tag;
use super::event::{Event, Origin, Stop, payload};
use super::forms::{Form, fits};
use super::freeze;
use super::refusals::{invalid, refusal};
use super::run::{Reception, Run};
use super::scope::Names;
use super::types::{Actor, Refusal, Signed};
use super::work::Work;
use crate::machine::definition::model::{EventDefinition, Machine, Relation, SIGNED};
use crate::machine::roles;
use crate::machine::trade::{Instance, InstanceId};
use crate::machine::value::{Map, Name, Value};

/// Opens a trade. Where the machine declares an event `start`, its roles say who may, and its form, if it has one, which
/// fields people may fill in: a clerk must not be able to open a trade whose later course is already written.
pub(super) fn start(
    work: &mut Work<'_>,
    id: &InstanceId,
    machine: Option<&Name>,
    data: &Map,
) -> Result<Option<Name>, Stop> {
    let bundle = work.bundle;
    let refused = |code: &str| Stop::Refused(refusal(bundle, code));
    let name = machine.unwrap_or(&bundle.root);
    let rootless = |machine: &&Machine| machine.child_of.is_empty();
    let machine = bundle
        .machines
        .get(name)
        .filter(rootless)
        .ok_or_else(|| refused("unknown_event"))?;
    if !work.trade.instances.is_empty() {
        return Err(Stop::Repeated);
    }
    // A trade that another trade opens has no person behind it.
    let by_nobody = work.context.actor == Actor::system();
    let declared = machine.events.get("start").filter(|_| !by_nobody);
    let fields = match declared {
        Some(definition) if !definition.form.is_empty() => definition.form.clone(),
        _ => machine.data.iter().map(|field| field.name.clone()).collect(),
    };
    let form = Form {
        machine,
        fields: &fields,
        required: &[],
    };
    let data = form.check(work, id, data).map_err(Stop::Refused)?;
    work.open_root(id, machine, data);
    if let Some(definition) = declared
        && !may_send(work, work.instance(id)?, definition)
    {
        return Err(refused("forbidden"));
    }
    if let Some(definition) = declared {
        refuse_start(work, id, definition)?;
    }
    Ok(None)
}

/// Refuses a start by the data that the instance would begin with. A condition that cannot be evaluated is a fault.
fn refuse_start(work: &Work<'_>, id: &InstanceId, definition: &EventDefinition) -> Result<(), Stop> {
    let instance = work.instance(id)?;
    let names = Names {
        now: work.now,
        event: Some(&instance.data),
        ..Names::of(work.bundle, &work.trade, instance)
    };
    for (guard, code) in &definition.refuse {
        let holds = guard.evaluate(&names).and_then(|value| {
            let yes = value.as_bool();
            yes.ok_or_else(|| format!("`{}` is neither true nor false", guard.source))
        });
        if holds.map_err(|text| work.fault(id, "start", text))? {
            return Err(Stop::Refused(refusal(work.bundle, code)));
        }
    }
    Ok(())
}

/// Takes an event that people or outside systems send.
pub(super) fn event(
    work: &mut Work<'_>,
    id: &InstanceId,
    (name, payload): (&Name, &Map),
    signed: Option<&Signed>,
) -> Result<Option<Name>, Stop> {
    let bundle = work.bundle;
    let refused = |code: &str| Stop::Refused(refusal(bundle, code));
    let instance = work
        .trade
        .instances
        .get(id)
        .ok_or_else(|| refused("unknown_instance"))?;
    let machine = work.machine(id)?;
    let definition = machine.events.get(name).ok_or_else(|| refused("unknown_event"))?;
    // Only what comes after this line may be recorded: strangers must not fill a trade's history.
    if !may_send(work, instance, definition) {
        return Err(refused("forbidden"));
    }
    if holds_any(work, instance, &definition.not_from) {
        return Err(refused("interested_party"));
    }
    take(work, id, machine, definition, (payload, signed)).map_err(|stop| match stop {
        Stop::Refused(refusal) if definition.keep_refusals => Stop::Recorded(refusal),
        other => other,
    })
}

fn may_send(work: &Work<'_>, instance: &Instance, definition: &EventDefinition) -> bool {
    holds_any(work, instance, &definition.from)
}

fn holds_any(work: &Work<'_>, instance: &Instance, wanted: &[Name]) -> bool {
    let mut wanted = wanted.iter();
    wanted.any(|role| roles::holds(work.bundle, &work.trade, instance, role, &work.context.actor))
}

fn take<'a>(
    work: &mut Work<'a>,
    id: &InstanceId,
    machine: &'a Machine,
    definition: &'a EventDefinition,
    (payload, signed): (&Map, Option<&Signed>),
) -> Result<Option<Name>, Stop> {
    let bundle = work.bundle;
    let refused = |code: &str| Stop::Refused(refusal(bundle, code));
    let mut data = check_payload(work, id, machine, definition, payload).map_err(Stop::Refused)?;
    // Nobody can send this field: definitions may not declare it. A child's fields stay the child's.
    if signed.is_some() && definition.starts.is_none() {
        data.insert(SIGNED.into(), Value::Bool(true));
    }
    let event = Event {
        name: definition.name.clone(),
        form: definition
            .form
            .iter()
            .filter(|name| data.contains_key(*name))
            .cloned()
            .collect(),
        data,
        sender: sender(work, definition),
        origin: Origin::Outside,
    };
    let seen = already_seen(work, id, definition, &event)?;
    let instance = work.instance(id)?;
    if instance.done {
        return Err(refused("ended"));
    }
    if freeze::is_frozen(work, id, definition)? {
        return Err(refused("suspended"));
    }
    stop_if_late(work, id, definition)?;
    let instance = work.instance(id)?;
    let untaken = definition.otherwise.as_deref();
    if definition
        .while_tag
        .as_ref()
        .is_some_and(|tag| !has_tag(machine, instance, tag))
    {
        return Err(refused(untaken.unwrap_or("not_now")));
    }
    let created = match &definition.starts {
        Some(child) => Some(work.start_child(id, child, event.data)?),
        None => {
            offer(work, id, event, untaken)?;
            None
        }
    };
    if let Some(seen) = seen {
        work.change(id)?.seen.insert(seen);
    }
    let mut todos = machine.states.iter().filter_map(|state| state.todo.as_ref());
    if todos.any(|todo| todo.not_by.contains(&definition.name)) {
        let account = work.context.actor.account.clone();
        work.change(id)?.acted.insert(definition.name.clone(), account);
    }
    Ok(created)
}

/// An event that came before a deadline and surfaces after it was decided is never accepted: it belongs to a state that is
/// over. A machine that declares `late` says what follows from that; where no state takes it, the event is offered as any other.
fn stop_if_late(work: &mut Work<'_>, id: &InstanceId, definition: &EventDefinition) -> Result<(), Stop> {
    for decider in deciders(work, id, definition)? {
        let Some(due) = work.instance(&decider)?.fired.filter(|due| work.stamp < *due) else {
            continue;
        };
        let event = Event {
            name: "late".into(),
            data: payload([
                ("event", definition.name.clone().into()),
                ("stamp", work.stamp.into()),
                ("due", due.into()),
            ]),
            sender: sender(work, definition),
            origin: Origin::Outside,
            form: Vec::new(),
        };
        if let Some(run) = Run::of(work, &decider)?
            && matches!(run.receive(event)?, Reception::Taken)
        {
            return Err(Stop::Late(refusal(work.bundle, "late")));
        }
    }
    Ok(())
}

/// Whose deadlines an event has to come before: its instance's own, or those of the siblings that it names.
fn deciders(work: &Work<'_>, id: &InstanceId, definition: &EventDefinition) -> Result<Vec<InstanceId>, Stop> {
    let Some(machine) = &definition.late_for else {
        return Ok(vec![id.clone()]);
    };
    let parent = &work.instance(id)?.parent;
    let instances = work.trade.instances.values();
    let siblings = instances.filter(|other| other.parent == *parent && other.machine == *machine);
    Ok(siblings.map(|other| other.id.clone()).collect())
}

/// Offers an event from outside to an instance; what is not taken is refused.
pub(super) fn offer(work: &mut Work<'_>, id: &InstanceId, event: Event, otherwise: Option<&str>) -> Result<(), Stop> {
    let bundle = work.bundle;
    let refused = |code: &str| Err(Stop::Refused(refusal(bundle, code)));
    let Some(run) = Run::of(work, id)? else {
        return refused("ended");
    };
    match run.receive(event)? {
        Reception::Taken => Ok(()),
        Reception::Untaken => refused(otherwise.unwrap_or("not_now")),
        Reception::Suspended => refused("suspended"),
        Reception::Rejected(refusal) => Err(Stop::Refused(refusal)),
    }
}

/// Takes the outcome of an effect. It is never refused: what no state waits for changes nothing.
pub(super) fn result(work: &mut Work<'_>, id: &InstanceId, name: &Name, payload: &Map) -> Result<Option<Name>, Stop> {
    if !work.trade.instances.contains_key(id) {
        return Err(Stop::Repeated);
    }
    let document = name
        .strip_prefix("document.")
        .and_then(|rest| rest.strip_suffix(".ready"));
    let stored = match document {
        Some(document) => store_rendering(work, id, document, payload)?,
        None => false,
    };
    if document.is_some() && !stored {
        return Err(Stop::Repeated);
    }
    let before = work.taken.len();
    let event = Event {
        name: name.clone(),
        data: payload.clone(),
        sender: None,
        origin: Origin::Inside,
        form: Vec::new(),
    };
    if let Some(run) = Run::of(work, id)? {
        run.receive(event)?;
    }
    if stored || work.taken.len() > before {
        Ok(None)
    } else {
        Err(Stop::Repeated)
    }
}

/// Stores digest and number of the rendering that was asked for last; false for a stale or repeated one.
fn store_rendering(work: &mut Work<'_>, id: &InstanceId, name: &str, payload: &Map) -> Result<bool, Stop> {
    let revision = payload.get("revision").and_then(Value::as_int);
    let asked = work.instance(id)?.documents.get(name);
    let awaited = asked.filter(|document| document.sha256.is_none() && revision == Some(i64::from(document.revision)));
    if awaited.is_none() {
        return Ok(false);
    }
    let text = |field: &str| payload.get(field).and_then(Value::as_text).map(Name::from);
    if let Some(document) = work.change(id)?.documents.get_mut(name) {
        document.sha256 = text("sha256");
        document.number = text("number").or(document.number.take());
    }
    Ok(true)
}

/// The declared payload and form fields, nothing else, each of its type; absent optional ones enter as null.
fn check_payload<'a>(
    work: &Work<'a>,
    id: &InstanceId,
    machine: &'a Machine,
    definition: &EventDefinition,
    payload: &Map,
) -> Result<Map, Refusal> {
    // An event that starts a child carries the child's fields.
    let filled = match &definition.starts {
        Some(child) => work.bundle.machines.get(child).unwrap_or(machine),
        None => machine,
    };
    let (own, form): (Map, Map) = payload
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .partition(|(name, _)| definition.payload.iter().any(|(declared, _)| declared == name));
    let lookup = |name: &str| payload.get(name).cloned().unwrap_or_default();
    let mut data = Map::new();
    for (name, kind) in &definition.payload {
        let value = own.get(name).cloned().unwrap_or_default();
        if value.is_null() && !definition.optional.contains(name) {
            return Err(invalid(work.bundle, name, "必须填写"));
        }
        if !value.is_null() {
            fits(kind, &value, &lookup).map_err(|why| invalid(work.bundle, name, &why))?;
        }
        data.insert(name.clone(), value);
    }
    let form_definition = Form {
        machine: filled,
        fields: &definition.form,
        required: &definition.form,
    };
    data.extend(form_definition.check(work, id, &form)?);
    Ok(data)
}

/// The sender's own instance in this trade, of the machine that the event's roles speak of where they do.
pub(super) fn sender(work: &Work<'_>, definition: &EventDefinition) -> Option<InstanceId> {
    let party = work.context.actor.party.as_ref()?;
    let roles = definition.from.iter().filter_map(|role| work.bundle.roles.get(role));
    let machines: BTreeSet<&Name> = roles
        .flat_map(|role| match &role.relation {
            Relation::OwnerOf { machines } => machines.as_slice(),
            Relation::OwnerByKey { machine, .. } => std::slice::from_ref(machine),
            _ => &[],
        })
        .collect();
    let owned = work
        .trade
        .instances
        .values()
        .filter(|instance| instance.owner.as_ref() == Some(party));
    // Preferred: of a named machine, and still living.
    let best = owned.min_by_key(|instance| (!machines.contains(&instance.machine), instance.done));
    best.map(|instance| instance.id.clone())
}

/// The mark under which a message that comes only once is remembered; `Repeated` where it was seen.
fn already_seen(
    work: &Work<'_>,
    id: &InstanceId,
    definition: &EventDefinition,
    event: &Event,
) -> Result<Option<Name>, Stop> {
    let Some(once) = &definition.once else { return Ok(None) };
    let instance = work.instance(id)?;
    let names = Names {
        now: work.now,
        event: Some(&event.data),
        sender: event.sender.as_ref(),
        ..Names::of(work.bundle, &work.trade, instance)
    };
    let value = once
        .evaluate(&names)
        .map_err(|text| work.fault(id, &definition.name, text))?;
    let value = match value {
        Value::Text(text) => text,
        other => format!("{other:?}").into(),
    };
    let mark: Name = format!("{} {value}", definition.name).into();
    if instance.seen.contains(&mark) {
        Err(Stop::Repeated)
    } else {
        Ok(Some(mark))
    }
}
