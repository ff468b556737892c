//! What a document or mail may print: the state of a trade as it stood when the effect was decided. Must not format anything.
//!
//! Every declared field and document is present, null where it has no value, so that a template can be checked when it is
//! published and never meets a missing name when it is rendered.

use super::definition::model::{Bundle, Machine, TodoDefinition};
use super::expression::{Expression, Reference, Scope};
use super::roles;
use super::trade::{Document, Instance, Todo, Trade};
use super::value::{Map, Name, Value};

/// `{self, parent, root}` (each `{id, key, owner, machine, title, states, state_titles, tags, data, due, documents, entered}`;
/// `self` also `todos`), `children` of `self` by machine, `now`, `bundle`. Computed fields are evaluated. Kept in the outbox
/// row, so that a retry prints the same.
pub fn snapshot(bundle: &Bundle, trade: &Trade, instance: &Instance) -> Map {
    let parent = instance.parent.as_ref().and_then(|id| trade.instances.get(id));
    let mut own = portrait(bundle, trade, instance);
    own.insert("todos".into(), Value::Map(todos(bundle, trade, instance)));
    let mut map = Map::new();
    map.insert("self".into(), Value::Map(own));
    let other = |it: Option<&Instance>| it.map_or(Value::Null, |it| Value::Map(portrait(bundle, trade, it)));
    map.insert("parent".into(), other(parent.map(AsRef::as_ref)));
    map.insert("root".into(), other(trade.root()));
    map.insert("children".into(), Value::Map(children(bundle, trade, instance)));
    map.insert("now".into(), trade.now.into());
    map.insert("bundle".into(), Value::Map(about(bundle)));
    map
}

/// The tags of an instance's active states and their ancestors.
pub fn tags_of<'a>(machine: &'a Machine, instance: &'a Instance) -> impl Iterator<Item = &'a Name> {
    let mut tags: Vec<&Name> = active(machine, instance)
        .flat_map(|state| machine.lineage(state.index))
        .flat_map(|state| &state.tags)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter()
}

/// The to-do's definition, by the state that declares it.
pub fn todo_definition<'a>(bundle: &'a Bundle, instance: &Instance, todo: &Todo) -> Option<&'a TodoDefinition> {
    bundle
        .machines
        .get(&instance.machine)?
        .state_at(&todo.state)?
        .todo
        .as_ref()
}

fn active<'a>(
    machine: &'a Machine,
    instance: &'a Instance,
) -> impl Iterator<Item = &'a super::definition::model::State> {
    instance.states.iter().filter_map(|path| machine.state_at(path))
}

fn about(bundle: &Bundle) -> Map {
    let reference = &bundle.reference;
    Map::from([
        ("name".into(), reference.name.clone().into()),
        ("version".into(), reference.version.clone().into()),
        ("sha256".into(), reference.sha256.clone().into()),
        ("title".into(), bundle.title.as_str().into()),
    ])
}

fn portrait(bundle: &Bundle, trade: &Trade, instance: &Instance) -> Map {
    let optional = |name: &Option<Name>| name.clone().map_or(Value::Null, Value::Text);
    let mut map = Map::from([
        ("id".into(), instance.id.clone().into()),
        ("key".into(), optional(&instance.key)),
        ("owner".into(), optional(&instance.owner)),
        ("machine".into(), instance.machine.clone().into()),
        ("states".into(), texts(instance.states.iter().cloned())),
        ("documents".into(), Value::Map(documents(bundle, instance))),
    ]);
    let entered = instance.entered.iter();
    let entered = entered.map(|(path, count)| (path.clone(), Value::Int(i64::from(*count))));
    map.insert("entered".into(), Value::Map(entered.collect()));
    if let Some(machine) = bundle.machines.get(&instance.machine) {
        let titles = active(machine, instance).map(|state| Name::from(state.title.as_str()));
        map.insert("title".into(), machine.title.as_str().into());
        map.insert("state_titles".into(), texts(titles));
        map.insert("tags".into(), texts(tags_of(machine, instance).cloned()));
        map.insert("data".into(), Value::Map(printable(bundle, trade, instance, machine)));
        map.insert("due".into(), Value::Map(due(machine, instance)));
    }
    map
}

fn texts(names: impl Iterator<Item = Name>) -> Value {
    Value::List(names.map(Value::Text).collect())
}

/// The value of an expression over a trade at rest, such as the condition of a to-do's page.
///
/// # Errors
/// A name that has no value outside a step, or an expression that cannot be evaluated.
pub fn evaluate(bundle: &Bundle, trade: &Trade, instance: &Instance, of: &Expression) -> Result<Value, String> {
    of.evaluate(&Reading {
        bundle,
        trade,
        instance,
    })
}

/// All fields, without the values that nobody may read: no paper prints them either.
fn printable(bundle: &Bundle, trade: &Trade, instance: &Instance, machine: &Machine) -> Map {
    let mut all = data(bundle, trade, instance, machine);
    for field in machine.data.iter().filter(|field| field.is_secret()) {
        all.insert(field.name.clone(), Value::Null);
    }
    all
}

/// All fields with their values, computed ones included, null where there is none.
pub(super) fn data(bundle: &Bundle, trade: &Trade, instance: &Instance, machine: &Machine) -> Map {
    let scope = Reading {
        bundle,
        trade,
        instance,
    };
    let value = |field: &super::definition::model::Field| match &field.computed {
        // A computed field that cannot be evaluated now has no value now; the template says what it prints then.
        Some(expression) => expression.evaluate(&scope).unwrap_or_default(),
        None => instance.data.get(&field.name).cloned().unwrap_or_default(),
    };
    machine
        .data
        .iter()
        .map(|field| (field.name.clone(), value(field)))
        .collect()
}

/// When each timer of the machine is due; null for those that are not armed or stand still.
fn due(machine: &Machine, instance: &Instance) -> Map {
    let timers = machine.states.iter().flat_map(|state| &state.timers);
    let due = |name: &Name| {
        let armed = instance.timers.get(name).filter(|timer| timer.frozen.is_none());
        armed.map_or(Value::Null, |timer| timer.due.into())
    };
    timers.map(|timer| (timer.name.clone(), due(&timer.name))).collect()
}

fn documents(bundle: &Bundle, instance: &Instance) -> Map {
    let blank = Document {
        revision: 0,
        sha256: None,
        earlier: Vec::new(),
        number: None,
        signed_by: Vec::new(),
    };
    let text = |name: &Option<Name>| name.clone().map_or(Value::Null, Value::Text);
    let show = |document: &Document| {
        Value::Map(Map::from([
            ("revision".into(), Value::Int(i64::from(document.revision))),
            ("sha256".into(), text(&document.sha256)),
            ("number".into(), text(&document.number)),
            ("signed_by".into(), texts(document.signed_by.iter().cloned())),
        ]))
    };
    let names = bundle.documents.keys();
    names
        .map(|name| (name.clone(), show(instance.documents.get(name).unwrap_or(&blank))))
        .collect()
}

/// Open to-dos with those they concern, so that the mail about one reaches the same people however late it is sent.
fn todos(bundle: &Bundle, trade: &Trade, instance: &Instance) -> Map {
    let show = |todo: &Todo| {
        let definition = todo_definition(bundle, instance, todo)?;
        let audience = definition
            .roles
            .iter()
            .flat_map(|role| roles::audience(bundle, trade, instance, role));
        let claimed = todo.claimed_by.clone().map_or(Value::Null, Value::Text);
        Some(Value::Map(Map::from([
            ("name".into(), definition.name.clone().into()),
            ("title".into(), definition.title.as_str().into()),
            ("state".into(), todo.state.clone().into()),
            ("opened".into(), todo.opened.into()),
            ("due".into(), todo.due.map_or(Value::Null, Value::from)),
            ("provisional".into(), todo.provisional.into()),
            ("claimed_by".into(), claimed),
            ("audience".into(), texts(audience)),
        ])))
    };
    let todos = instance.todos.iter();
    todos.filter_map(|(id, todo)| Some((id.clone(), show(todo)?))).collect()
}

fn children(bundle: &Bundle, trade: &Trade, instance: &Instance) -> Map {
    let machines = bundle
        .machines
        .values()
        .filter(|machine| machine.child_of.contains(&instance.machine));
    let of = |name: &Name| {
        let all = trade.instances.values();
        let mine = all.filter(|child| child.parent.as_ref() == Some(&instance.id) && child.machine == *name);
        mine.map(|child| Value::Map(portrait(bundle, trade, child))).collect()
    };
    machines
        .map(|machine| (machine.name.clone(), Value::List(of(&machine.name))))
        .collect()
}

/// The scope of computed fields: what can be read of a trade at rest, without an event or a sender.
struct Reading<'a> {
    bundle: &'a Bundle,
    trade: &'a Trade,
    instance: &'a Instance,
}

impl Reading<'_> {
    fn field(&self, instance: Option<&Instance>, name: &Name) -> Result<Value, String> {
        let instance = instance.ok_or("no such instance")?;
        Ok(instance.data.get(name).cloned().unwrap_or_default())
    }

    fn parent(&self) -> Option<&Instance> {
        let parent = self.instance.parent.as_ref()?;
        self.trade.instances.get(parent).map(AsRef::as_ref)
    }

    fn tags(&self, instance: Option<&Instance>) -> Value {
        let machine = instance.and_then(|it| self.bundle.machines.get(&it.machine));
        match (machine, instance) {
            (Some(machine), Some(instance)) => texts(tags_of(machine, instance).cloned()),
            _ => Value::List(Vec::new()),
        }
    }

    fn tagged<'a>(&'a self, machine: &'a Name, tag: &'a Name) -> impl Iterator<Item = &'a Instance> {
        let definition = self.bundle.machines.get(machine);
        let all = self.trade.instances.values().map(AsRef::as_ref);
        all.filter(move |it| it.machine == *machine)
            .filter(move |it| definition.is_some_and(|machine| tags_of(machine, it).any(|own| own == tag)))
    }
}

impl Scope for Reading<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Value, String> {
        let optional = |name: &Option<Name>| name.clone().map_or(Value::Null, Value::Text);
        match reference {
            Reference::Data(name) => self.field(Some(self.instance), name),
            Reference::ParentData(name) => self.field(self.parent(), name),
            Reference::RootData(name) => self.field(self.trade.root(), name),
            Reference::ParentTags => Ok(self.tags(self.parent())),
            Reference::Tags => Ok(self.tags(Some(self.instance))),
            Reference::Own(name) if &**name == "key" => Ok(optional(&self.instance.key)),
            Reference::Own(name) if &**name == "owner" => Ok(optional(&self.instance.owner)),
            Reference::Own(_) => Ok(self.instance.id.clone().into()),
            Reference::Count { machine, tag } => {
                let count = self.tagged(machine, tag).count();
                Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Reference::Only { machine, tag } => {
                let mut found = self.tagged(machine, tag);
                let first = found.next().map(|it| optional(&it.key));
                Ok(if found.next().is_some() {
                    Value::Null
                } else {
                    first.unwrap_or_default()
                })
            }
            Reference::Due(name) => match self.instance.timers.get(name) {
                Some(timer) => Ok(timer.due.into()),
                None => Err(format!("the timer `{name}` is not armed")),
            },
            Reference::Now => Ok(self.trade.now.into()),
            other => Err(format!("{other:?} has no value outside a step")),
        }
    }
}
