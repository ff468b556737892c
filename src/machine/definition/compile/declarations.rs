//! What the whole bundle declares, gathered before anything is compiled, so that machines can refer to each other.
//! Must not compile expressions.

use std::collections::{BTreeMap, BTreeSet};

use super::super::diagnostic::{Diagnostic, Sink};
use super::super::model::{Role, Type};
use super::super::source::action::ActionSource;
use super::super::source::bundle::TodoDefaults;
use super::super::source::shapes::{Entries, Located};
use super::super::source::state::TransitionsSource;
use super::skeleton::{Outline, Skeleton};
use super::{Sources, data, readers};
use crate::machine::expression::Kind;
use crate::machine::templates;
use crate::machine::value::Name;

/// Names of the whole bundle.
pub struct Declarations {
    pub root: Name,
    pub machines: BTreeMap<Name, MachineDeclarations>,
    pub roles: BTreeMap<Name, Role>,
    pub refusals: BTreeSet<String>,
    pub documents: BTreeSet<String>,
    /// Mails that have templates.
    pub mails: BTreeSet<String>,
    pub movements: BTreeSet<String>,
    pub capacities: BTreeSet<String>,
    /// Documents that have a template.
    pub document_templates: BTreeSet<String>,
    /// Events that some machine sends or raises: to the names they carry.
    pub sent: BTreeMap<String, BTreeSet<String>>,
    /// Some file could not be read: what is missing may stand there.
    pub broken: bool,
    /// The bundle declares no documents' templates at all: it is compiled without them (scenario sketches, tests).
    pub has_templates: bool,
    /// What to-dos take where they say nothing themselves.
    pub todo_defaults: TodoDefaults,
}

/// Names of one machine.
pub struct MachineDeclarations {
    pub name: Name,
    pub child_of: Vec<Name>,
    pub fields: Vec<(Name, Kind)>,
    pub types: Vec<(Name, Type)>,
    pub tags: BTreeSet<Name>,
    pub timers: BTreeSet<Name>,
    /// Timers, and states whose to-do has a due date: what `due.x` and `left.x` may name.
    pub dues: BTreeSet<Name>,
    /// Names and paths of all states.
    pub states: BTreeSet<Name>,
    pub conditions: BTreeMap<String, String>,
    /// Declared events: what they carry.
    pub events: BTreeMap<Name, Vec<(Name, Kind)>>,
    /// What its final states hand out.
    pub outputs: BTreeSet<Name>,
}

impl MachineDeclarations {
    /// What a field is in expressions.
    pub fn field(&self, name: &str) -> Option<&Kind> {
        self.fields
            .iter()
            .find(|(field, _)| &**field == name)
            .map(|(_, kind)| kind)
    }

    /// What a field was declared as.
    pub fn field_type(&self, name: &str) -> Option<&Type> {
        self.types
            .iter()
            .find(|(field, _)| &**field == name)
            .map(|(_, kind)| kind)
    }
}

/// Gathers everything the files declare.
pub fn declare(
    files: &BTreeMap<String, String>,
    sources: &Sources,
    outlines: &[Outline<'_>],
    found: &mut Vec<Diagnostic>,
) -> Declarations {
    for (file, form) in &sources.forms {
        data::check_form(form, &mut Sink { file, found });
    }
    let bundle = &sources.bundle;
    let words = |entries: &mut dyn Iterator<Item = &str>| entries.map(str::to_owned).collect();
    let mut declarations = Declarations {
        root: bundle.root.value.as_str().into(),
        machines: BTreeMap::new(),
        roles: BTreeMap::new(),
        refusals: words(&mut bundle.refusals.names()),
        documents: words(&mut bundle.documents.names()),
        mails: files
            .keys()
            .filter_map(|path| templates::mail_of(path))
            .map(str::to_owned)
            .collect(),
        movements: words(&mut bundle.ledger.names()),
        capacities: words(&mut bundle.capacities.names()),
        document_templates: files
            .keys()
            .filter_map(|path| templates::document_of(path))
            .map(str::to_owned)
            .collect(),
        sent: BTreeMap::new(),
        broken: sources.broken,
        has_templates: files.keys().any(|path| path.starts_with("templates/")),
        todo_defaults: bundle.defaults.todo.clone(),
    };
    for outline in outlines {
        let mut sink = Sink {
            file: outline.file,
            found,
        };
        let machine = declare_machine(sources, outline, &mut sink);
        declarations.machines.insert(outline.name.clone(), machine);
        gather_sent(outline, &mut declarations.sent);
    }
    let mut sink = Sink {
        file: "bundle.yaml",
        found,
    };
    declarations.roles = readers::roles(bundle, &declarations, &mut sink);
    declarations
}

fn declare_machine(sources: &Sources, outline: &Outline<'_>, sink: &mut Sink<'_>) -> MachineDeclarations {
    let machine = outline.machine;
    let types: Vec<(Name, Type)> = machine
        .data
        .iter()
        .map(|(name, field)| {
            (
                name.value.as_str().into(),
                data::field_type(&field.value, &sources.forms, sink),
            )
        })
        .collect();
    let fields: Vec<(Name, Kind)> = types.iter().map(|(name, kind)| (name.clone(), kind.into())).collect();
    let events = machine
        .events
        .iter()
        .map(|(name, event)| {
            let payload = event.payload.iter().map(|(name, kind)| {
                let kind = data::simple_type(kind, sink);
                (Name::from(name.value.as_str()), Kind::from(&kind))
            });
            let mut carried: Vec<(Name, Kind)> = payload.collect();
            let form = event.form.0.iter().filter_map(|word| {
                let (name, kind) = fields.iter().find(|(name, _)| **name == *word.value)?;
                Some((name.clone(), kind.clone()))
            });
            carried.extend(form);
            (name.value.as_str().into(), carried)
        })
        .collect();
    let states = outline.states.iter().skip(1);
    MachineDeclarations {
        name: outline.name.clone(),
        child_of: machine
            .child_of
            .0
            .iter()
            .map(|word| word.value.as_str().into())
            .collect(),
        tags: states
            .clone()
            .flat_map(|state| &state.source.tags.0)
            .map(|tag| tag.value.as_str().into())
            .collect(),
        dues: timers(outline).into_iter().chain(dated_todos(outline)).collect(),
        timers: timers(outline),
        states: states
            .clone()
            .flat_map(|state| [state.name.clone(), state.path.clone()])
            .collect(),
        conditions: machine
            .conditions
            .iter()
            .map(|(name, condition)| (name.value.clone(), condition.expression.value.clone()))
            .collect(),
        outputs: states
            .flat_map(|state| state.source.output.names())
            .map(Into::into)
            .collect(),
        events,
        fields,
        types,
    }
}

fn timers(outline: &Outline<'_>) -> BTreeSet<Name> {
    outline
        .states
        .iter()
        .flat_map(|state| state.source.timers.names())
        .map(Name::from)
        .collect()
}

fn dated_todos(outline: &Outline<'_>) -> Vec<Name> {
    let has_due = |state: &&Skeleton| state.source.todo.as_ref().is_some_and(|todo| todo.due.is_some());
    outline
        .states
        .iter()
        .filter(has_due)
        .map(|state| state.name.clone())
        .collect()
}

/// Every event that is sent or raised anywhere, with the names of its data.
fn gather_sent(outline: &Outline<'_>, sent: &mut BTreeMap<String, BTreeSet<String>>) {
    for_each_action(outline, &mut |action| {
        let (event, data) = match (&action.send, &action.raise) {
            (Some(send), _) => (&send.event, &send.data),
            (_, Some(raise)) => (&raise.0.event, &raise.0.data),
            _ => return,
        };
        sent.entry(event.value.clone())
            .or_default()
            .extend(data.names().map(str::to_owned));
    });
}

/// Visits every action of a machine, also those within conditions.
pub fn for_each_action(outline: &Outline<'_>, visit: &mut dyn FnMut(&ActionSource)) {
    for state in &outline.states {
        let source = &state.source;
        actions(&source.entry, visit);
        actions(&source.exit, visit);
        actions(&source.actions, visit);
        if let Some(initial) = &source.initial {
            actions(&initial.actions, visit);
        }
        for on in &source.on.0 {
            transitions(on, visit);
        }
        each(&source.always, visit);
        for (_, timer) in &source.timers {
            if let Some(then) = &timer.then {
                each(then, visit);
            }
        }
        if let Some(todo) = &source.todo {
            transitions(&todo.outcomes, visit);
        }
    }
}

fn transitions(entries: &Entries<TransitionsSource>, visit: &mut dyn FnMut(&ActionSource)) {
    entries.iter().for_each(|(_, transitions)| each(transitions, visit));
}

fn each(transitions: &TransitionsSource, visit: &mut dyn FnMut(&ActionSource)) {
    for transition in &transitions.0 {
        actions(&transition.actions, visit);
    }
}

fn actions(list: &[Located<ActionSource>], visit: &mut dyn FnMut(&ActionSource)) {
    for action in list {
        visit(action);
        for branch in action.then.iter().chain(&action.otherwise) {
            actions(branch, visit);
        }
        for branch in &action.else_if {
            actions(&branch.then, visit);
        }
    }
}
