//! What names mean in the expressions of one place: the machine's data, the event at hand, parent, root, counts.
//! Must not compile anything.

use super::super::diagnostic::suggestion;
use super::super::model::SIGNED;
use super::declarations::{Declarations, MachineDeclarations};
use crate::machine::expression::{Kind, Names, Reference, Unknown};
use crate::machine::value::Name;

/// What is known of the event while an expression runs.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is none: entry, exit, computed fields.
    None,
    /// These fields.
    Known(Vec<(Name, Kind)>),
    /// Several events, or one that is not declared.
    Open,
}

/// The names of one place.
pub struct Place<'a> {
    pub bundle: &'a Declarations,
    pub own: &'a MachineDeclarations,
    pub event: &'a Event,
}

impl Place<'_> {
    fn parents(&self) -> Result<Vec<&MachineDeclarations>, Unknown> {
        let parents = self.own.child_of.iter();
        let known: Vec<_> = parents.filter_map(|parent| self.bundle.machines.get(parent)).collect();
        if known.is_empty() {
            return Err(Unknown::new(format!("`{}` has no parent", self.own.name)));
        }
        Ok(known)
    }

    /// A field that every parent has, of a type that fits all of them.
    fn parent_field(&self, name: &str) -> Result<Kind, Unknown> {
        let mut kinds = Vec::new();
        for parent in self.parents()? {
            kinds.push(self.field(parent, name)?);
        }
        let mut rest = kinds.into_iter();
        let first = rest.next().unwrap_or(Kind::Any);
        let joined = rest.try_fold(first, |all, kind| all.join(&kind));
        joined.ok_or_else(|| Unknown::new(format!("`{name}` has another type in each parent")))
    }

    fn field(&self, machine: &MachineDeclarations, name: &str) -> Result<Kind, Unknown> {
        machine.field(name).cloned().ok_or_else(|| {
            Unknown::new(format!("the machine `{}` has no field `{name}`", machine.name))
                .hint(suggestion(name, machine.fields.iter().map(|(name, _)| name.as_ref())))
        })
    }

    fn event_field(&self, name: &str) -> Result<Kind, Unknown> {
        match self.event {
            Event::Open => Ok(Kind::Any),
            Event::Known(fields) => fields
                .iter()
                .find(|(field, _)| &**field == name)
                .map(|(_, kind)| kind.clone())
                .or_else(|| (name == SIGNED).then_some(Kind::Bool))
                .ok_or_else(|| {
                    Unknown::new(format!("the event carries no `{name}`"))
                        .hint(suggestion(name, fields.iter().map(|(name, _)| name.as_ref())))
                }),
            Event::None => Err(Unknown::new("there is no event here").hint(Some(
                "assign what the event carries in the transition that takes it, and read `data.…` here".into(),
            ))),
        }
    }

    fn counted(&self, machine: &str, tag: &str) -> Result<(), Unknown> {
        let Some(declared) = self.bundle.machines.get(machine) else {
            if self.bundle.broken {
                return Ok(());
            }
            return Err(Unknown::new(format!("there is no machine `{machine}`"))
                .hint(suggestion(machine, self.bundle.machines.keys().map(AsRef::as_ref))));
        };
        if declared.tags.contains(tag) {
            return Ok(());
        }
        Err(Unknown::new(format!("no state of `{machine}` carries the tag `{tag}`"))
            .hint(suggestion(tag, declared.tags.iter().map(AsRef::as_ref))))
    }

    fn timer(&self, name: &str) -> Result<(), Unknown> {
        if self.own.dues.contains(name) {
            return Ok(());
        }
        Err(Unknown::new(format!("there is no timer `{name}`"))
            .hint(suggestion(name, self.own.dues.iter().map(AsRef::as_ref))))
    }

    fn sender_field(&self, name: &str) -> Result<Kind, Unknown> {
        let kinds: Vec<&Kind> = self
            .bundle
            .machines
            .values()
            .filter_map(|machine| machine.field(name))
            .collect();
        match kinds.as_slice() {
            [] => Err(Unknown::new(format!("no machine has a field `{name}`"))),
            [first, rest @ ..] if rest.iter().all(|kind| kind == first) => Ok((*first).clone()),
            _ => Ok(Kind::Any),
        }
    }

    fn own_word(&self, of: &str, name: &str) -> Result<Kind, Unknown> {
        match name {
            "key" | "id" | "owner" | "machine" => Ok(Kind::Text),
            "tags" if of == "sender" => Ok(tags(self.bundle.machines.values().flat_map(|machine| &machine.tags))),
            _ => Err(Unknown::new(format!("`{of}` has no `{name}`"))
                .hint(Some("it has `key`, `id`, `owner` and `machine`".into()))),
        }
    }
}

fn tags<'a>(tags: impl Iterator<Item = &'a Name>) -> Kind {
    let mut all: Vec<Name> = tags.cloned().collect();
    all.sort();
    all.dedup();
    Kind::List(Box::new(Kind::Options(all)))
}

impl Names for Place<'_> {
    fn kind(&self, reference: &Reference) -> Result<Kind, Unknown> {
        Ok(match reference {
            Reference::Data(name) => self.field(self.own, name)?,
            Reference::Event(name) => self.event_field(name)?,
            Reference::ParentData(name) => self.parent_field(name)?,
            Reference::ParentTags => tags(self.parents()?.into_iter().flat_map(|parent| &parent.tags)),
            Reference::RootData(name) => {
                let root = self.bundle.machines.get(&self.bundle.root);
                self.field(
                    root.ok_or_else(|| Unknown::new("the bundle has no root machine"))?,
                    name,
                )?
            }
            Reference::Own(name) => self.own_word("self", name)?,
            Reference::Sender(name) => self.own_word("sender", name)?,
            Reference::SenderData(name) => self.sender_field(name)?,
            Reference::Count { machine, tag } => {
                self.counted(machine, tag)?;
                Kind::Int
            }
            Reference::Only { machine, tag } => {
                self.counted(machine, tag)?;
                Kind::Text
            }
            Reference::Due(name) => {
                self.timer(name)?;
                Kind::Time
            }
            Reference::Left(name) => {
                self.timer(name)?;
                Kind::Duration
            }
            Reference::Now => Kind::Time,
            Reference::Tags => tags(self.own.tags.iter()),
            Reference::Active => tags(self.own.states.iter()),
        })
    }

    fn condition(&self, name: &str) -> Option<String> {
        self.own.conditions.get(name).cloned()
    }

    fn is_root_machine(&self, name: &str) -> bool {
        *self.bundle.root == *name
    }

    fn is_parent_machine(&self, name: &str) -> bool {
        matches!(self.own.child_of.as_slice(), [only] if **only == *name)
    }

    fn is_own_machine(&self, name: &str) -> bool {
        *self.own.name == *name
    }
}
