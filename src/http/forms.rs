//! Describes fields and to-dos so that any portal can draw them. Must not decide who may see one.

use super::commands::Seen;
use crate::machine::definition::model::{Field, FormField, Machine, Sealing, TodoDefinition, Trigger, Type};
use crate::machine::snapshot;
use crate::machine::trade::Todo;
use crate::machine::value::{Map, Name, Value};

/// `{name, title, type, optional, …}` with what the type adds: options, columns, fields.
#[must_use]
pub fn field(field: &Field) -> Value {
    let mut map = kind(&field.kind);
    map.insert("name".into(), field.name.clone().into());
    map.insert("title".into(), field.title.as_str().into());
    map.insert("optional".into(), field.optional.into());
    if !field.labels.is_empty() {
        map.insert(
            "labels".into(),
            Value::List(field.labels.iter().map(|label| label.as_str().into()).collect()),
        );
    }
    Value::Map(map)
}

/// Descriptions of the fields that stand in `data`, in the order of the definition.
#[must_use]
pub fn fields_of(machine: &Machine, data: &Map) -> Value {
    Value::List(
        machine
            .data
            .iter()
            .filter(|declared| data.contains_key(&declared.name))
            .map(field)
            .collect(),
    )
}

/// A to-do's form: pages whose condition holds, what is shown beside, what each outcome asks for, what is to be signed.
#[must_use]
pub fn todo(seen: &Seen, todo: &Todo, definition: &TodoDefinition) -> Map {
    let Seen { snapshot, instance } = seen;
    let Some(machine) = snapshot.bundle.machines.get(&instance.machine) else {
        return Map::new();
    };
    let described = |names: &[Name]| {
        Value::List(
            names
                .iter()
                .filter_map(|name| machine.field(name))
                .map(|declared| with_value(seen, declared))
                .collect(),
        )
    };
    let holds = |condition: &crate::machine::expression::Expression| {
        snapshot::evaluate(&snapshot.bundle, &snapshot.trade, instance, condition)
            .is_ok_and(|value| value != Value::Bool(false))
    };
    let pages = definition
        .pages
        .iter()
        .filter(|page| page.condition.as_ref().is_none_or(holds));
    let pages = pages.map(|page| {
        Value::Map(Map::from([
            ("title".into(), page.title.as_str().into()),
            ("fields".into(), described(&page.fields)),
        ]))
    });
    let outcomes = definition
        .outcomes
        .iter()
        .filter(|outcome| &***outcome != "overdue")
        .map(|outcome| {
            let asks = outcome_form(machine, todo, definition, outcome);
            Value::Map(Map::from([
                ("name".into(), outcome.clone().into()),
                ("title".into(), definition.act_title(outcome).into()),
                ("fields".into(), described(&asks)),
            ]))
        });
    let acts = definition.acts.iter().cloned().map(Value::Text);
    Map::from([
        ("pages".into(), Value::List(pages.collect())),
        ("show".into(), described(&definition.show)),
        ("outcome_forms".into(), Value::List(outcomes.collect())),
        ("acts".into(), Value::List(acts.collect())),
        (
            "sign".into(),
            definition
                .sign
                .as_ref()
                .map_or(Value::Null, |name| signature(seen, definition, name)),
        ),
    ])
}

/// Every field that a to-do may carry: of its pages and of its outcomes.
#[must_use]
pub fn names(machine: &Machine, todo: &Todo, definition: &TodoDefinition) -> Vec<Name> {
    let pages = definition.pages.iter().flat_map(|page| page.fields.iter().cloned());
    let outcomes = definition
        .outcomes
        .iter()
        .flat_map(|outcome| outcome_form(machine, todo, definition, outcome));
    pages.chain(outcomes).collect()
}

fn outcome_form(machine: &Machine, todo: &Todo, definition: &TodoDefinition, outcome: &str) -> Vec<Name> {
    let event = format!("todo.{}.{outcome}", definition.name);
    let transitions = machine
        .state_at(&todo.state)
        .map(|state| state.transitions.as_slice())
        .unwrap_or_default();
    let raised = transitions
        .iter()
        .filter(|rule| matches!(&rule.trigger, Trigger::Event(name) if **name == *event));
    let mut names: Vec<Name> = raised.flat_map(|rule| rule.form.iter().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The document whose digest the person acknowledges, or which they seal.
fn signature(seen: &Seen, definition: &TodoDefinition, name: &Name) -> Value {
    let document = seen.instance.documents.get(name);
    let text = |value: Option<&Name>| value.cloned().map_or(Value::Null, Value::Text);
    Value::Map(Map::from([
        ("document".into(), name.clone().into()),
        ("sealed".into(), (definition.seal == Sealing::Required).into()),
        (
            "digest".into(),
            text(document.and_then(|document| document.sha256.as_ref())),
        ),
        (
            "number".into(),
            text(document.and_then(|document| document.number.as_ref())),
        ),
    ]))
}

fn with_value(seen: &Seen, declared: &Field) -> Value {
    let Seen { snapshot, instance } = seen;
    let value = match &declared.computed {
        Some(of) => snapshot::evaluate(&snapshot.bundle, &snapshot.trade, instance, of).unwrap_or_default(),
        None => instance.data.get(&declared.name).cloned().unwrap_or_default(),
    };
    match field(declared) {
        Value::Map(mut map) => {
            map.insert("value".into(), value);
            Value::Map(map)
        }
        other => other,
    }
}

fn kind(kind: &Type) -> Map {
    let plain = |name: &str| Map::from([("type".into(), name.into())]);
    match kind {
        Type::Money => plain("money"),
        Type::Int => plain("int"),
        Type::Bool => plain("bool"),
        Type::Text => plain("text"),
        Type::Rich => plain("rich"),
        Type::Time => plain("time"),
        Type::Duration => plain("duration"),
        Type::Period => plain("period"),
        Type::File => plain("file"),
        Type::Files => plain("files"),
        Type::Key(_) => plain("key"),
        Type::Organisation => plain("org"),
        Type::Party => plain("party"),
        Type::Enumeration(options) => {
            let mut map = plain("enum");
            map.insert(
                "options".into(),
                Value::List(options.iter().cloned().map(Value::Text).collect()),
            );
            map
        }
        Type::List { columns, max } => {
            let mut map = plain("list");
            map.insert(
                "columns".into(),
                Value::List(columns.iter().map(|(name, kind)| named(name, kind)).collect()),
            );
            map.insert("max".into(), i64::try_from(*max).unwrap_or(i64::MAX).into());
            map
        }
        Type::Form(fields) => {
            let mut map = plain("form");
            map.insert("fields".into(), Value::List(fields.iter().map(form_field).collect()));
            map
        }
    }
}

fn named(name: &Name, of: &Type) -> Value {
    let mut map = kind(of);
    map.insert("name".into(), name.clone().into());
    Value::Map(map)
}

fn form_field(field: &FormField) -> Value {
    let mut map = kind(&field.kind);
    map.insert("name".into(), field.name.clone().into());
    map.insert("title".into(), field.title.as_str().into());
    map.insert("required".into(), field.required.into());
    if let Some((of, values)) = &field.only_if {
        let only = Map::from([
            ("field".into(), of.clone().into()),
            ("values".into(), Value::List(values.clone())),
        ]);
        map.insert("only_if".into(), Value::Map(only));
    }
    Value::Map(map)
}
