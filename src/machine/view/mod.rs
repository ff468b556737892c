//! What an actor may read of an instance. Closed unless the definition opens it. Must not know HTTP.
//!
//! Nothing here tells how much there is of what may not be seen: no counts, no sequence numbers, no version of the trade.

mod hidden;
mod sessions;
mod states;

use super::definition::model::{Bundle, DocumentDefinition, Field, Machine, Readers, TodoDefinition, When};
use super::roles::{self, holds};
use super::snapshot::{data, tags_of, todo_definition};
use super::step::Actor;
use super::trade::{Instance, Todo, Trade};
use super::value::{Map, Name, Value};
use hidden::is_held_back;
use states::{due, shown_states, states, tags};

pub use hidden::{is_over, may_list};
pub use sessions::{Announced, announced};
pub use states::may_know;

/// The role of everybody, signed in or not.
const PUBLIC: &str = "public";

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a> {
    /// Somebody with relations to the trade, or with none.
    Actor(&'a Actor),
    /// Who runs the platform: sees the frame of what is not held back, and of what is in it no more than everybody until the trade
    /// is over.
    Operator,
}

/// The instance as the actor may see it, or `None` where they may not know that it exists.
pub fn view(bundle: &Bundle, trade: &Trade, instance: &Instance, actor: &Actor) -> Option<Value> {
    view_for(bundle, trade, instance, Reader::Actor(actor)).map(Value::Map)
}

/// `{id, machine, title, key, owner_is_me, parent, states, tags, data, due, todos, documents, events, children, done, frozen}`.
pub fn view_for(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Option<Map> {
    if !may_see(bundle, trade, instance, reader) {
        return None;
    }
    let machine = bundle.machines.get(&instance.machine)?;
    let optional = |name: &Option<Name>| name.clone().map_or(Value::Null, Value::Text);
    let parent = parent_of(trade, instance).filter(|parent| may_see(bundle, trade, parent, reader));
    let active = shown_states(bundle, trade, instance, machine, reader);
    let mut map = Map::from([
        ("id".into(), instance.id.clone().into()),
        ("machine".into(), instance.machine.clone().into()),
        ("title".into(), machine.title.as_str().into()),
        ("key".into(), optional(&instance.key)),
        ("mine".into(), is_owner(instance, reader).into()),
        (
            "parent".into(),
            parent.map_or(Value::Null, |parent| parent.id.clone().into()),
        ),
        ("states".into(), states(&active)),
        ("tags".into(), tags(machine, &active)),
        ("data".into(), Value::Map(readable(bundle, trade, instance, reader))),
        ("todos".into(), Value::List(todos(bundle, trade, instance, reader))),
        (
            "documents".into(),
            Value::List(documents(bundle, trade, instance, reader)),
        ),
        (
            "events".into(),
            Value::List(events(bundle, trade, instance, machine, reader)),
        ),
        (
            "children".into(),
            Value::List(children(bundle, trade, instance, reader)),
        ),
        ("done".into(), instance.done.into()),
        ("frozen".into(), instance.frozen.into()),
    ]);
    if matches!(reader, Reader::Operator) && is_over(bundle, trade) {
        map.insert("owner".into(), optional(&instance.owner));
    }
    // When the machine moves on says something about its inside: it is for those who may read the machine itself, and for those
    // who keep it running.
    if matches!(reader, Reader::Operator) || admits(bundle, trade, instance, &machine.read, reader) {
        map.insert("due".into(), Value::Map(due(bundle, trade, instance, machine, reader)));
    }
    Some(map)
}

/// True where the reader may know that the instance exists.
pub fn may_see(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> bool {
    if matches!(reader, Reader::Operator) && !is_held_back(bundle, trade, instance) {
        return true;
    }
    let Some(machine) = bundle.machines.get(&instance.machine) else {
        return false;
    };
    if is_owner(instance, reader) || has_todo(bundle, trade, instance, reader) {
        return true;
    }
    if !machine.visible.roles.is_empty() {
        return admits(bundle, trade, instance, &machine.visible, reader);
    }
    match parent_of(trade, instance) {
        Some(parent) => may_see(bundle, trade, parent, reader),
        None => admits(bundle, trade, instance, &machine.read, reader),
    }
}

/// True where the actor may read the instance's record although it has not ended yet.
pub fn may_read_record(bundle: &Bundle, trade: &Trade, instance: &Instance, actor: &Actor) -> bool {
    let machine = bundle.machines.get(&instance.machine);
    let readers = machine.and_then(|machine| machine.record.as_ref());
    readers.is_some_and(|readers| admits(bundle, trade, instance, readers, Reader::Actor(actor)))
}

/// The roles that may read the instance's record before it has ended, those of them first whose time has come; then the others.
#[must_use]
pub fn record_readers<'a>(bundle: &'a Bundle, trade: &Trade, instance: &Instance) -> (Vec<&'a Name>, Vec<&'a Name>) {
    let machine = bundle.machines.get(&instance.machine);
    let readers = machine.and_then(|machine| machine.record.as_ref());
    let roles = readers.into_iter().flat_map(|readers| &readers.roles);
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for (role, when) in roles {
        match has_come(bundle, trade, instance, when) {
            true => now.push(role),
            false => later.push(role),
        }
    }
    (now, later)
}

/// True where the reader may read this field of an instance they may see.
pub fn may_read(bundle: &Bundle, trade: &Trade, instance: &Instance, field: &Field, reader: Reader<'_>) -> bool {
    let Some(machine) = bundle.machines.get(&instance.machine) else {
        return false;
    };
    let readers = field.readers.as_ref().unwrap_or(&machine.read);
    !field.is_secret() && admits(bundle, trade, instance, readers, reader)
}

/// The fields that the reader may read, computed ones included. Empty where they may not see the instance.
pub fn readable(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Map {
    let Some(machine) = bundle.machines.get(&instance.machine) else {
        return Map::new();
    };
    if !may_see(bundle, trade, instance, reader) {
        return Map::new();
    }
    let mut all = data(bundle, trade, instance, machine);
    for field in &machine.data {
        if !may_read(bundle, trade, instance, field, reader) && !shown(bundle, trade, instance, field, reader) {
            all.remove(&field.name);
        }
    }
    all
}

/// True where the reader may read a document of an instance they may see.
pub fn may_read_document(bundle: &Bundle, trade: &Trade, instance: &Instance, name: &str, reader: Reader<'_>) -> bool {
    let open = |definition: &DocumentDefinition| {
        admits(bundle, trade, instance, &definition.readers, reader) || signs(bundle, trade, instance, name, reader)
    };
    may_see(bundle, trade, instance, reader) && bundle.documents.get(name).is_some_and(open)
}

/// True where one of the to-do's roles is the actor's.
pub fn concerns(bundle: &Bundle, trade: &Trade, instance: &Instance, todo: &Todo, actor: &Actor) -> bool {
    todo_definition(bundle, instance, todo).is_some_and(|definition| {
        definition
            .roles
            .iter()
            .any(|role| holds(bundle, trade, instance, role, actor))
    })
}

/// True where the actor may take the to-do from whoever has claimed it.
pub fn reassigns(bundle: &Bundle, trade: &Trade, instance: &Instance, todo: &Todo, actor: &Actor) -> bool {
    let definition = todo_definition(bundle, instance, todo).filter(|_| todo.claimed_by.is_some());
    let mut roles = definition.into_iter().flat_map(|definition| &definition.reassign);
    roles.any(|role| holds(bundle, trade, instance, role, actor))
}

/// A to-do as its detail shows it, without its form.
pub fn todo_row(instance: &Instance, todo: &Todo, definition: &TodoDefinition, actor: Option<&Name>) -> Map {
    let optional = |time: Option<super::Time>| time.map_or(Value::Null, Value::from);
    Map::from([
        ("id".into(), todo.id.clone().into()),
        ("instance".into(), instance.id.clone().into()),
        ("machine".into(), instance.machine.clone().into()),
        ("name".into(), definition.name.clone().into()),
        ("title".into(), definition.title.as_str().into()),
        ("state".into(), todo.state.clone().into()),
        ("opened".into(), todo.opened.into()),
        ("due".into(), optional(todo.due)),
        ("provisional".into(), todo.provisional.into()),
        ("frozen".into(), todo.frozen.into()),
        ("claimed".into(), todo.claimed_by.is_some().into()),
        (
            "claimed_by_me".into(),
            (todo.claimed_by.is_some() && todo.claimed_by.as_ref() == actor).into(),
        ),
        (
            "outcomes".into(),
            Value::List(definition.outcomes.iter().cloned().map(Value::Text).collect()),
        ),
    ])
}

/// Closed: one of the readers' roles must be the reader's, and its time must have come.
fn admits(bundle: &Bundle, trade: &Trade, instance: &Instance, readers: &Readers, reader: Reader<'_>) -> bool {
    if matches!(reader, Reader::Operator) && is_over(bundle, trade) {
        return true;
    }
    readers.roles.iter().any(|(role, when)| {
        let related =
            &**role == PUBLIC || matches!(reader, Reader::Actor(actor) if holds(bundle, trade, instance, role, actor));
        related && has_come(bundle, trade, instance, when)
    })
}

/// True while one of the tags is active, or once it has been: what was opened is not closed again.
fn has_come(bundle: &Bundle, trade: &Trade, instance: &Instance, when: &When) -> bool {
    match when {
        When::Always => true,
        When::Tagged(tags) => tags.iter().any(|named| has_been(bundle, trade, instance, named)),
    }
}

/// True while, or once, the tag is active: the instance's own, or in any instance of the machine that it names.
fn has_been(bundle: &Bundle, trade: &Trade, instance: &Instance, (machine, tag): &(Option<Name>, Name)) -> bool {
    match machine {
        None => was_tagged(bundle, instance, tag),
        Some(machine) => {
            let mut named = trade.instances.values().filter(|other| other.machine == *machine);
            named.any(|other| was_tagged(bundle, other, tag))
        }
    }
}

fn was_tagged(bundle: &Bundle, instance: &Instance, tag: &Name) -> bool {
    let Some(machine) = bundle.machines.get(&instance.machine) else {
        return false;
    };
    let mut tagged = machine.states.iter().filter(|state| state.tags.contains(tag));
    tagged.any(|state| instance.entered.get(&state.path).is_some_and(|count| *count > 0))
        || tags_of(machine, instance).any(|active| active == tag)
}

fn is_owner(instance: &Instance, reader: Reader<'_>) -> bool {
    match reader {
        Reader::Actor(actor) => instance.owner.is_some() && instance.owner == actor.party,
        Reader::Operator => false,
    }
}

fn has_todo(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> bool {
    let Reader::Actor(actor) = reader else { return false };
    instance
        .todos
        .values()
        .any(|todo| concerns(bundle, trade, instance, todo, actor))
}

/// Fields that an open to-do of the reader fills in or shows: who has to decide must see on what.
fn shown(bundle: &Bundle, trade: &Trade, instance: &Instance, field: &Field, reader: Reader<'_>) -> bool {
    let Reader::Actor(actor) = reader else { return false };
    instance.todos.values().any(|todo| {
        let names = |definition: &TodoDefinition| {
            definition.show.contains(&field.name)
                || definition.pages.iter().any(|page| page.fields.contains(&field.name))
        };
        todo_definition(bundle, instance, todo).is_some_and(names) && concerns(bundle, trade, instance, todo, actor)
    })
}

fn signs(bundle: &Bundle, trade: &Trade, instance: &Instance, document: &str, reader: Reader<'_>) -> bool {
    let Reader::Actor(actor) = reader else { return false };
    instance.todos.values().any(|todo| {
        let names = |definition: &TodoDefinition| definition.sign.as_deref() == Some(document);
        todo_definition(bundle, instance, todo).is_some_and(names) && concerns(bundle, trade, instance, todo, actor)
    })
}

fn parent_of<'a>(trade: &'a Trade, instance: &Instance) -> Option<&'a Instance> {
    trade.instances.get(instance.parent.as_ref()?).map(AsRef::as_ref)
}

fn todos(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Vec<Value> {
    let account = match reader {
        Reader::Actor(actor) => Some(&actor.account),
        Reader::Operator => None,
    };
    let open = |todo: &&Todo| match reader {
        Reader::Actor(actor) => concerns(bundle, trade, instance, todo, actor),
        Reader::Operator => true,
    };
    let rows = instance.todos.values().filter(open);
    rows.filter_map(|todo| {
        let definition = todo_definition(bundle, instance, todo)?;
        Some(Value::Map(todo_row(instance, todo, definition, account)))
    })
    .collect()
}

fn documents(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Vec<Value> {
    let optional = |name: &Option<Name>| name.clone().map_or(Value::Null, Value::Text);
    let open = instance
        .documents
        .iter()
        .filter(|(name, _)| may_read_document(bundle, trade, instance, name, reader));
    open.map(|(name, document)| {
        let title = bundle
            .documents
            .get(name)
            .map(|definition| definition.title.as_str())
            .unwrap_or_default();
        Value::Map(Map::from([
            ("name".into(), name.clone().into()),
            ("title".into(), title.into()),
            ("revision".into(), i64::from(document.revision).into()),
            ("sha256".into(), optional(&document.sha256)),
            ("number".into(), optional(&document.number)),
            ("ready".into(), document.sha256.is_some().into()),
        ]))
    })
    .collect()
}

/// The events that the reader may send by their role; whether now is the time, only the machine says.
fn events(bundle: &Bundle, trade: &Trade, instance: &Instance, machine: &Machine, reader: Reader<'_>) -> Vec<Value> {
    let Reader::Actor(actor) = reader else {
        return Vec::new();
    };
    if instance.done {
        return Vec::new();
    }
    let mine = machine.events.values().filter(|event| {
        let role = |role: &Name| roles::holds(bundle, trade, instance, role, actor);
        event.from.iter().any(role)
            && !event.not_from.iter().any(role)
            && event
                .while_tag
                .as_ref()
                .is_none_or(|tag| tags_of(machine, instance).any(|active| active == tag))
    });
    mine.map(|event| {
        let title = event.title.as_str().into();
        Value::Map(Map::from([
            ("name".into(), event.name.clone().into()),
            ("title".into(), title),
        ]))
    })
    .collect()
}

/// Ids of the children that the reader may see; ids tell nothing about order or number.
fn children(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Vec<Value> {
    let own = trade
        .instances
        .values()
        .filter(|child| child.parent.as_ref() == Some(&instance.id));
    let seen = own.filter(|child| may_see(bundle, trade, child, reader));
    seen.map(|child| {
        Value::Map(Map::from([
            ("id".into(), child.id.clone().into()),
            ("machine".into(), child.machine.clone().into()),
            ("mine".into(), is_owner(child, reader).into()),
        ]))
    })
    .collect()
}
