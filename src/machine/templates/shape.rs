//! The shape of what a template sees: the names `snapshot` fills in for each machine, and what the performers add.
//! Must stay in step with `machine::snapshot` and `performers`; a test renders every shipped template.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Bundle;
use super::super::definition::model::{Action, Machine, State, Type};
use super::super::value::Name;
use super::{document_of, mail_of};

/// What a path leads to.
#[derive(Clone)]
pub enum Shape<'a> {
    /// Not known when publishing; every name goes.
    Any,
    /// A text, number or truth: has no names of its own.
    Leaf,
    Record(BTreeMap<&'a str, Shape<'a>>),
    List(Box<Shape<'a>>),
    /// An instance of the machine; `true` for the one the template is about.
    Instance(&'a Machine),
}

/// What a document's template sees beside the snapshot.
const DOCUMENT: [&str; 6] = ["name", "title", "number", "revision", "at", "verify"];
/// What a template sees of a record's line and of its newest checkpoint.
const RECORD_LINE: [&str; 12] = [
    "n", "arrived", "decided", "event", "title", "by", "amounts", "outcome", "reason", "phase", "frozen", "offered",
];
const CHECKPOINT: [&str; 9] = [
    "instance",
    "size",
    "sm3",
    "sha256",
    "at",
    "reach",
    "key",
    "signature",
    "json",
];
/// What a mail's template sees of its addressee, of the platform and of the to-do it is about.
const RECIPIENT: [&str; 2] = ["name", "address"];
const PLATFORM: [&str; 2] = ["url", "name"];
const TODO_FIELDS: [&str; 12] = [
    "id",
    "name",
    "title",
    "state",
    "opened",
    "due",
    "provisional",
    "claimed_by",
    "lot",
    "link",
    "acts",
    "outcomes",
];

impl<'a> Shape<'a> {
    /// What a name leads to, or the names there are.
    pub fn member(&self, bundle: &'a Bundle, name: &str) -> Result<Shape<'a>, Vec<String>> {
        let known = match self {
            Self::Any => return Ok(Self::Any),
            Self::Leaf => BTreeMap::new(),
            Self::Record(known) => known.clone(),
            Self::List(item) if name.trim_matches(['[', ']']).parse::<usize>().is_ok() => return Ok((**item).clone()),
            Self::List(_) => BTreeMap::from([("length", Self::Leaf)]),
            Self::Instance(machine) => instance(bundle, machine),
        };
        known
            .get(name)
            .cloned()
            .ok_or_else(|| known.keys().map(|&known| known.to_owned()).collect())
    }

    /// What `each` goes over.
    pub fn item(&self) -> Shape<'a> {
        match self {
            Self::List(item) => (**item).clone(),
            _ => Self::Any,
        }
    }
}

/// What a template sees of each machine that uses it: the machine, and the context.
pub fn contexts<'a>(bundle: &'a Bundle, path: &str) -> Vec<Shape<'a>> {
    let document = document_of(path);
    let mail = mail_of(path);
    let uses = |machine: &&Machine| match (document, mail) {
        (Some(document), _) => documents_used(machine).contains(document),
        (_, Some(mail)) => mails_used(machine).contains(mail),
        _ => false,
    };
    let users: Vec<&Machine> = bundle.machines.values().filter(uses).collect();
    let about = |(machine, parent)| match mail {
        Some(mail) => with_mail(context(bundle, machine, parent), bundle, machine, mail),
        None => with_document(context(bundle, machine, parent), bundle, machine),
    };
    // A machine with several parents must find what it prints with each of them.
    let families = users.into_iter().flat_map(|machine| {
        let parents: Vec<_> = machine.child_of.iter().map(|name| bundle.machines.get(name)).collect();
        let parents = if parents.is_empty() { vec![None] } else { parents };
        parents.into_iter().map(move |parent| (machine, parent))
    });
    families.map(about).map(Shape::Record).collect()
}

type Names<'a> = BTreeMap<&'a str, Shape<'a>>;

fn leaves<'a>(names: &[&'static str]) -> Names<'a> {
    names.iter().map(|name| (*name, Shape::Leaf)).collect()
}

fn context<'a>(bundle: &'a Bundle, machine: &'a Machine, parent: Option<&'a Machine>) -> Names<'a> {
    let above = |machine: &&'a Machine| bundle.machines.get(machine.child_of.first()?);
    let lineage = std::iter::successors(Some(parent.unwrap_or(machine)), above);
    let root = lineage.take(bundle.machines.len()).last().unwrap_or(machine);
    let children = bundle.machines.values();
    let children: Vec<_> = children
        .filter(|child| child.child_of.contains(&machine.name))
        .collect();
    let list = |child: &&'a Machine| (&*child.name, Shape::List(Box::new(Shape::Instance(child))));
    BTreeMap::from([
        ("self", Shape::Instance(machine)),
        ("parent", parent.map_or(Shape::Leaf, Shape::Instance)),
        ("root", Shape::Instance(root)),
        ("children", Shape::Record(children.iter().map(list).collect())),
        ("now", Shape::Leaf),
        ("bundle", Shape::Record(leaves(&["name", "version", "sha256", "title"]))),
        ("names", Shape::Any),
    ])
}

fn with_document<'a>(mut names: Names<'a>, bundle: &'a Bundle, machine: &'a Machine) -> Names<'a> {
    let children = bundle.machines.values();
    let children = children.filter(|child| child.child_of.contains(&machine.name));
    let entry = || {
        let mut entry = leaves(&["instance", "ordinal", "kind", "at"]);
        entry.insert("data", Shape::Any);
        Shape::List(Box::new(Shape::Record(entry)))
    };
    let records = children.chain([machine]).map(|machine| (&*machine.name, entry()));
    names.insert("records", Shape::Record(records.collect()));
    names.insert("document", Shape::Record(leaves(&DOCUMENT)));
    let children = bundle.machines.values();
    let children = children.filter(|child| child.child_of.contains(&machine.name));
    let kept = children.chain([machine]).filter(|machine| machine.record.is_some());
    let kept = kept.map(|machine| (&*machine.name, record()));
    names.insert("record", Shape::Record(kept.collect()));
    names
}

/// A record as a document sees it.
fn record<'a>() -> Shape<'a> {
    let mut lines = leaves(&RECORD_LINE);
    lines.insert("data", Shape::Any);
    lines.insert("facts", Shape::Any);
    Shape::Record(BTreeMap::from([
        ("instance", Shape::Leaf),
        ("head", Shape::Record(leaves(&["size", "sm3", "sha256"]))),
        ("checkpoint", Shape::Record(leaves(&CHECKPOINT))),
        ("lines", Shape::List(Box::new(Shape::Record(lines)))),
    ]))
}

fn with_mail<'a>(mut names: Names<'a>, bundle: &'a Bundle, machine: &'a Machine, mail: &str) -> Names<'a> {
    names.insert("recipient", Shape::Record(leaves(&RECIPIENT)));
    names.insert("platform", Shape::Record(leaves(&PLATFORM)));
    names.insert("link", Shape::Leaf);
    names.insert("lot", Shape::Leaf);
    if machine.record.is_some() {
        names.insert("checkpoint", Shape::Record(leaves(&CHECKPOINT)));
    }
    let todo_mails = machine.states.iter().flat_map(todo_mails).collect::<BTreeSet<_>>();
    if todo_mails.contains(mail) || bundle.machines.is_empty() {
        let mut todo = leaves(&TODO_FIELDS);
        todo.insert(
            "acts",
            Shape::List(Box::new(Shape::Record(leaves(&["name", "title", "link"])))),
        );
        todo.insert("outcomes", Shape::List(Box::new(Shape::Leaf)));
        names.insert("todo", Shape::Record(todo));
    }
    names
}

fn instance<'a>(bundle: &'a Bundle, machine: &'a Machine) -> Names<'a> {
    let mut names = leaves(&["id", "key", "owner", "machine", "title"]);
    let fields = machine.data.iter().map(|field| (&*field.name, of_type(&field.kind)));
    names.insert("data", Shape::Record(fields.collect()));
    let timers = machine.states.iter().flat_map(|state| &state.timers);
    let timers = timers.map(|timer| (&*timer.name, Shape::Leaf));
    names.insert("due", Shape::Record(timers.collect()));
    let document = Shape::Record({
        let mut document = leaves(&["revision", "sha256", "number"]);
        document.insert("signed_by", Shape::List(Box::new(Shape::Leaf)));
        document
    });
    let documents = bundle.documents.keys().map(|name| (&**name, document.clone()));
    names.insert("documents", Shape::Record(documents.collect()));
    for list in ["states", "state_titles", "tags"] {
        names.insert(list, Shape::List(Box::new(Shape::Leaf)));
    }
    names.insert("entered", Shape::Any);
    names.insert("todos", Shape::Any);
    names
}

fn of_type(kind: &Type) -> Shape<'_> {
    match kind {
        Type::List { columns, .. } => {
            let columns = columns.iter().map(|(name, kind)| (&**name, of_type(kind)));
            Shape::List(Box::new(Shape::Record(columns.collect())))
        }
        Type::Form(fields) => {
            let fields = fields.iter().map(|field| (&*field.name, of_type(&field.kind)));
            Shape::Record(fields.collect())
        }
        Type::Files => Shape::List(Box::new(Shape::Leaf)),
        _ => Shape::Leaf,
    }
}

fn documents_used(machine: &Machine) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    each_action(machine, &mut |action| {
        if let Action::Document(name) = action {
            used.insert(&**name);
        }
    });
    used
}

fn mails_used(machine: &Machine) -> BTreeSet<&str> {
    let mut used: BTreeSet<&str> = machine.states.iter().flat_map(todo_mails).collect();
    each_action(machine, &mut |action| {
        if let Action::Notify { mail, .. } = action {
            used.insert(&**mail);
        }
    });
    used
}

fn todo_mails(state: &State) -> impl Iterator<Item = &str> {
    state.todo.iter().flat_map(|todo| {
        let reminders = todo.remind.iter().chain(&todo.escalate);
        let mails = reminders.map(|reminder| &reminder.mail);
        mails.chain([&todo.mail]).map(|mail: &Name| &**mail)
    })
}

fn each_action<'a>(machine: &'a Machine, see: &mut dyn FnMut(&'a Action)) {
    fn walk<'a>(actions: &'a [Action], see: &mut dyn FnMut(&'a Action)) {
        for action in actions {
            see(action);
            if let Action::If(branches) = action {
                branches.iter().for_each(|(_, actions)| walk(actions, see));
            }
        }
    }
    for state in &machine.states {
        walk(&state.entry, see);
        walk(&state.exit, see);
        state.transitions.iter().for_each(|it| walk(&it.actions, see));
    }
}
