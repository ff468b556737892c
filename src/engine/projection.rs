//! What the rows of a trade are, by comparing it as it is stored with what a batch made of it. Must not talk to the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::desk::Worked;
use super::gather::{Gathered, Stored, number_of};
use crate::machine::definition::model::{Bundle, Field, Machine, Relation};
use crate::machine::roles;
use crate::machine::snapshot::{tags_of, todo_definition};
use crate::machine::trade::{InstanceId, Timer, Todo};
use crate::machine::{Instance, Name, Time, Trade, Value, view};
use crate::store::StoreError;
use crate::store::batch::Batch;
use crate::store::booking_rows::{BookingKey, BookingRow, CapacityMove};
use crate::store::timer_rows::{TimerKey, TimerRow};
use crate::store::todo_rows::{AudienceRow, TodoRow};
use crate::store::trade_rows::{Counters, FieldRow, InstanceRow, TradeMove, TradeRow};

/// Texts are kept for search up to here; an index entry of PostgreSQL must stay under 2,700 bytes.
const MOST_CHARACTERS: usize = 500;

/// Adds to the batch all that follows from how its trades ended up, and returns it.
///
/// # Errors
/// What cannot be written as JSON: the program's fault.
pub(super) fn batch(gathered: Gathered, trades: &mut BTreeMap<InstanceId, Worked>) -> Result<Batch, StoreError> {
    let mut batch = gathered.batch;
    for (stored, row) in gathered.todos.into_values() {
        match stored {
            Stored::Yes => batch.todos_changed.push(row),
            Stored::No => batch.todos_opened.push(row),
        }
    }
    for worked in trades.values_mut().filter(|worked| worked.has_moved()) {
        add_trade(&mut batch, worked)?;
    }
    for (name, version) in gathered.versions {
        if batch.bookings.iter().any(|row| *row.capacity == *name) {
            batch.capacities_moved.push(CapacityMove {
                name: name.to_string(),
                version: version + 1,
            });
        }
    }
    Ok(batch)
}

impl Worked {
    pub fn has_moved(&self) -> bool {
        self.base.as_ref().is_none_or(|base| base.trade.seq != self.trade.seq)
    }
}

fn add_trade(batch: &mut Batch, worked: &mut Worked) -> Result<(), StoreError> {
    let trade = Arc::clone(&worked.trade);
    let done = trade.instances.values().all(|instance| instance.done);
    match &worked.base {
        None => batch.trades_opened.push(TradeRow {
            id: trade.id.to_string(),
            bundle: trade.bundle.name.to_string(),
            bundle_version: trade.bundle.version.to_string(),
            bundle_sha256: trade.bundle.sha256.to_string(),
            seq: number_of(trade.seq),
            head: trade.head.to_string(),
            now: trade.now.0,
            opened_at: trade.now.0,
            done,
        }),
        Some(base) => batch.trades_moved.push(TradeMove {
            id: trade.id.to_string(),
            prior: number_of(base.trade.seq),
            seq: number_of(trade.seq),
            head: trade.head.to_string(),
            now: trade.now.0,
            done,
        }),
    }
    let base = worked.base.clone();
    let before = base.as_ref().map(|base| &*base.trade);
    for (id, instance) in &trade.instances {
        let old = before.and_then(|before| before.instances.get(id));
        let counted = worked.counters.get(id).copied();
        let old_counted = base.as_ref().and_then(|base| base.counters.get(id)).copied();
        if old.is_some_and(|old| Arc::ptr_eq(old, instance)) && counted == old_counted {
            continue;
        }
        let counters = worked.counters.entry(Arc::clone(id)).or_default();
        if old.is_none() {
            counters.opened_at = trade.now;
        }
        let row = instance_row(&worked.bundle, &trade, instance, *counters)?;
        match old {
            None => batch.instances_opened.push(row),
            Some(_) => batch.instances_changed.push(row),
        }
        add_timers(batch, &trade, old.map(AsRef::as_ref), instance);
        add_fields(batch, &worked.bundle, before, &trade, instance)?;
    }
    add_bookings(batch, &worked.bundle, before, &trade)?;
    add_audience(batch, &worked.bundle, before, &trade);
    Ok(())
}

fn instance_row(
    bundle: &Bundle,
    trade: &Trade,
    instance: &Instance,
    counters: Counters,
) -> Result<InstanceRow, StoreError> {
    let machine = bundle.machines.get(&instance.machine);
    let tags: BTreeSet<&str> = machine
        .into_iter()
        .flat_map(|machine| tags_of(machine, instance))
        .map(|tag| &**tag)
        .collect();
    Ok(InstanceRow {
        id: instance.id.to_string(),
        trade: trade.id.to_string(),
        machine: instance.machine.to_string(),
        parent: instance.parent.as_deref().map(str::to_owned),
        owner: instance.owner.as_deref().map(str::to_owned),
        key: instance.key.as_deref().map(str::to_owned),
        states: spaced(instance.states.iter().map(|state| &**state)),
        tags: spaced(tags.into_iter()),
        done: instance.done,
        opened_at: counters.opened_at.0,
        changed_at: trade.now.0,
        published: counters.published,
        recorded: counters.recorded,
        body: serde_json::to_string(instance)?,
    })
}

/// Words with a space on both sides of each, so that `LIKE '% word %'` finds whole words.
fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::from(" ");
    for word in words {
        text.push_str(word);
        text.push(' ');
    }
    text
}

fn add_timers(batch: &mut Batch, trade: &Trade, old: Option<&Instance>, instance: &Instance) {
    let none = BTreeMap::new();
    // The timers of an ended instance are no deadlines any more.
    let wanted = if instance.done { &none } else { &instance.timers };
    let stored = old.filter(|old| !old.done).map_or(&none, |old| &old.timers);
    for (name, timer) in wanted {
        match stored.get(name) {
            Some(same) if same == timer => {}
            Some(_) => batch.timers_changed.push(timer_row(trade, instance, name, timer)),
            None => batch.timers_armed.push(timer_row(trade, instance, name, timer)),
        }
    }
    for name in stored.keys().filter(|name| !wanted.contains_key(*name)) {
        batch.timers_gone.push(TimerKey {
            instance: instance.id.to_string(),
            name: name.to_string(),
        });
    }
}

/// Bookings that are another now, or of which everybody may know something else: that may also change with other instances of the trade.
fn add_bookings(batch: &mut Batch, bundle: &Bundle, before: Option<&Trade>, trade: &Trade) -> Result<(), StoreError> {
    for (id, instance) in &trade.instances {
        let old = before.and_then(|before| Some((before, before.instances.get(id)?)));
        let stored = match old {
            Some((before, old)) => booking_row(bundle, before, old)?,
            None => None,
        };
        match booking_row(bundle, trade, instance)? {
            same if same == stored => {}
            Some(row) => batch.bookings.push(row),
            None => batch.bookings_gone.push(BookingKey {
                instance: instance.id.to_string(),
            }),
        }
    }
    Ok(())
}

/// The row of what an instance has booked.
///
/// # Errors
/// What cannot be written as JSON: the program's fault.
pub(super) fn booking_row(
    bundle: &Bundle,
    trade: &Trade,
    instance: &Instance,
) -> Result<Option<BookingRow>, StoreError> {
    let Some(booking) = &instance.session else {
        return Ok(None);
    };
    let shown = view::announced(bundle, trade, instance);
    Ok(Some(BookingRow {
        instance: instance.id.to_string(),
        trade: trade.id.to_string(),
        capacity: booking.of.to_string(),
        from_at: booking.span.from.0,
        until_at: booking.span.until.0,
        shown: shown.map(|shown| serde_json::to_string(&shown)).transpose()?,
    }))
}

fn timer_row(trade: &Trade, instance: &Instance, name: &Name, timer: &Timer) -> TimerRow {
    TimerRow {
        instance: instance.id.to_string(),
        name: name.to_string(),
        trade: trade.id.to_string(),
        generation: i64::from(timer.generation),
        due_at: timer.due.0,
        live: timer.is_live(),
        provisional: timer.provisional,
    }
}

/// The row of an open to-do.
pub(super) fn todo_row(trade: &Trade, instance: &Instance, todo: &Todo) -> TodoRow {
    TodoRow {
        id: todo.id.to_string(),
        trade: trade.id.to_string(),
        instance: instance.id.to_string(),
        machine: instance.machine.to_string(),
        state: todo.state.to_string(),
        name: todo.state.rsplit('.').next().unwrap_or_default().to_owned(),
        entry: i64::from(todo.entry),
        opened_at: todo.opened.0,
        due_at: todo.due.map(|Time(due)| due),
        provisional: todo.provisional,
        claimed_by: todo.claimed_by.as_deref().map(str::to_owned),
        frozen: todo.frozen,
        status: "open".into(),
        outcome: None,
        closed_at: None,
        closed_by: None,
    }
}

fn add_fields(
    batch: &mut Batch,
    bundle: &Bundle,
    before: Option<&Trade>,
    trade: &Trade,
    instance: &Instance,
) -> Result<(), StoreError> {
    let Some(machine) = bundle.machines.get(&instance.machine) else {
        return Ok(());
    };
    let old = before.and_then(|before| Some((before, before.instances.get(&instance.id)?)));
    for field in machine.data.iter().filter(|field| field.listed) {
        let value = listed(bundle, trade, instance, field);
        let same = old.is_some_and(|(before, old)| listed(bundle, before, old, field) == value);
        if !same {
            batch.fields.push(field_row(machine, trade, instance, field, &value)?);
        }
    }
    Ok(())
}

/// What lists show of a field; null where a computed one cannot be computed yet.
fn listed(bundle: &Bundle, trade: &Trade, instance: &Instance, field: &Field) -> Value {
    crate::machine::step::computed(bundle, trade, instance, field).unwrap_or_default()
}

fn field_row(
    machine: &Machine,
    trade: &Trade,
    instance: &Instance,
    field: &Field,
    value: &Value,
) -> Result<FieldRow, StoreError> {
    Ok(FieldRow {
        instance: instance.id.to_string(),
        field: field.name.to_string(),
        trade: trade.id.to_string(),
        machine: machine.name.to_string(),
        value: serde_json::to_string(value)?,
        text: value.as_text().map(|text| text.chars().take(MOST_CHARACTERS).collect()),
        number: value.as_int().or_else(|| value.as_bool().map(i64::from)),
    })
}

/// Brings the audience of open to-dos up to date. It depends on the to-do and on fields that roles refer to.
fn add_audience(batch: &mut Batch, bundle: &Bundle, before: Option<&Trade>, trade: &Trade) {
    let relations_moved = before.is_some_and(|before| have_relations_moved(bundle, before, trade));
    for (id, instance) in &trade.instances {
        let old = before.and_then(|before| Some((before, before.instances.get(id)?)));
        let untouched = old.is_some_and(|(_, old)| Arc::ptr_eq(old, instance));
        if untouched && !relations_moved {
            continue;
        }
        for todo in instance.todos.values() {
            let known = old.and_then(|(before, old)| Some((before, old, old.todos.get(&todo.id)?)));
            let had = match known {
                Some(_) if !relations_moved => continue,
                Some((before, old, todo)) => audience(bundle, before, old, todo),
                None => BTreeSet::new(),
            };
            let has = audience(bundle, trade, instance, todo);
            batch
                .audience_added
                .extend(has.difference(&had).map(|one| audience_row(todo, one)));
            batch
                .audience_gone
                .extend(had.difference(&has).map(|one| audience_row(todo, one)));
        }
        if let Some((before, old)) = old {
            for todo in old.todos.values().filter(|todo| !instance.todos.contains_key(&todo.id)) {
                let had = audience(bundle, before, old, todo);
                batch
                    .audience_gone
                    .extend(had.iter().map(|one| audience_row(todo, one)));
            }
        }
    }
}

fn audience_row(todo: &Todo, audience: &Name) -> AudienceRow {
    AudienceRow {
        todo: todo.id.to_string(),
        audience: audience.to_string(),
    }
}

fn audience(bundle: &Bundle, trade: &Trade, instance: &Instance, todo: &Todo) -> BTreeSet<Name> {
    let roles = todo_definition(bundle, instance, todo).map_or(&[][..], |todo| &todo.roles);
    roles
        .iter()
        .flat_map(|role| roles::audience(bundle, trade, instance, role))
        .collect()
}

/// True where a role may resolve to somebody else than before: an instance was added, or a field that roles refer to changed.
fn have_relations_moved(bundle: &Bundle, before: &Trade, trade: &Trade) -> bool {
    if before.instances.len() != trade.instances.len() {
        return true;
    }
    let related = bundle.roles.values().filter_map(|role| match &role.relation {
        Relation::PostAt { machine, field, .. } => Some((machine, field)),
        Relation::OwnerByKey {
            key_machine, key_field, ..
        } => Some((key_machine, key_field)),
        _ => None,
    });
    let related: BTreeSet<(&Name, &Name)> = related.collect();
    trade
        .instances
        .iter()
        .any(|(id, instance)| match before.instances.get(id) {
            Some(old) if Arc::ptr_eq(old, instance) => false,
            Some(old) => related.iter().any(|(machine, field)| {
                **machine == instance.machine && old.data.get(*field) != instance.data.get(*field)
            }),
            None => true,
        })
}
