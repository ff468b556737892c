//! Roles, and who may read what. Must not resolve a role to people: `roles` does, when it runs.

use std::collections::BTreeMap;

use super::super::diagnostic::{Sink, suggestion};
use super::super::model::{Readers, Relation, Role, When};
use super::super::source::bundle::{BundleSource, RoleSource};
use super::super::source::machine::ReadersSource;
use super::super::source::shapes::{Located, Word};
use super::declarations::{Declarations, MachineDeclarations};
use crate::machine::value::Name;

/// Compiles the bundle's roles.
pub fn roles(bundle: &BundleSource, declared: &Declarations, sink: &mut Sink<'_>) -> BTreeMap<Name, Role> {
    let mut roles = BTreeMap::new();
    for (name, role) in &bundle.roles {
        if matches!(name.value.as_str(), "public" | "nobody" | "always") {
            sink.error(
                "reserved_name",
                name.at,
                format!("`{}` has a meaning of its own", name.value),
            );
        }
        // A faulty role still exists: whoever names it is not told that it does not.
        let relation = relation(role, declared, sink).unwrap_or(Relation::AnyMember);
        let title = role.title.clone().unwrap_or_else(|| name.value.clone());
        roles.insert(name.value.as_str().into(), Role { title, relation });
    }
    roles
}

fn relation(role: &Located<RoleSource>, declared: &Declarations, sink: &mut Sink<'_>) -> Option<Relation> {
    let given = [&role.post, &role.account, &role.service];
    let given = given.iter().filter(|word| word.is_some()).count() + usize::from(role.owner.is_some());
    if given != 1 {
        sink.error_with(
            "role_without_relation",
            role.at,
            "a role is exactly one of `post`, `account`, `owner`, `service`",
            "for example `{title: 审核员, post: reviewer}` or `{title: 申请人, owner: self}`",
        );
        return None;
    }
    if let Some(post) = &role.post {
        let post: Name = post.value.as_str().into();
        let Some(of) = &role.of else {
            return Some(Relation::PostAtCentre { post });
        };
        let (machine, field) = machine_field(of, declared, sink)?;
        return Some(Relation::PostAt { post, machine, field });
    }
    if let Some(account) = &role.account {
        if account.value != "complete" {
            sink.error_with(
                "wrong_value",
                account.at,
                "an account is `complete`",
                "write `account: complete`",
            );
        }
        return Some(Relation::AnyMember);
    }
    if let Some(service) = &role.service {
        let service = service.value.as_str().into();
        return Some(Relation::Service { service });
    }
    let owners = &role.owner.as_ref()?.0;
    if let [owner] = owners.as_slice()
        && owner.value == "self"
    {
        return Some(Relation::OwnerOfSelf);
    }
    let machines = owners.iter().map(|owner| known_machine(owner, declared, sink));
    let machines: Vec<Name> = machines.collect::<Option<_>>()?;
    match &role.key {
        None => Some(Relation::OwnerOf { machines }),
        Some(key) => {
            let (key_machine, key_field) = machine_field(key, declared, sink)?;
            Some(Relation::OwnerByKey {
                machine: machines.first()?.clone(),
                key_machine,
                key_field,
            })
        }
    }
}

/// A machine of the bundle by name.
pub fn known_machine(word: &Word, declared: &Declarations, sink: &mut Sink<'_>) -> Option<Name> {
    if declared.machines.contains_key(word.value.as_str()) {
        return Some(word.value.as_str().into());
    }
    if !declared.broken {
        let hint = suggestion(&word.value, declared.machines.keys().map(AsRef::as_ref));
        sink.error_maybe(
            "unknown_machine",
            word.at,
            format!("there is no machine `{}`", word.value),
            hint,
        );
    }
    None
}

/// `listing.winner`.
fn machine_field(word: &Word, declared: &Declarations, sink: &mut Sink<'_>) -> Option<(Name, Name)> {
    let Some((machine, field)) = word.value.split_once('.') else {
        sink.error_with(
            "wrong_value",
            word.at,
            format!("`{}` names no field of a machine", word.value),
            "write the machine and the field: `machine.field`",
        );
        return None;
    };
    let located = Located {
        at: word.at,
        value: machine.to_owned(),
    };
    let machine = known_machine(&located, declared, sink)?;
    let fields = declared.machines.get(&machine)?;
    if fields.field(field).is_none() {
        let hint = suggestion(field, fields.fields.iter().map(|(name, _)| name.as_ref()));
        sink.error_maybe(
            "unknown_field",
            word.at,
            format!("`{machine}` has no field `{field}`"),
            hint,
        );
        return None;
    }
    Some((machine, field.into()))
}

/// A role of the bundle by name.
pub fn known_role(word: &Word, declared: &Declarations, sink: &mut Sink<'_>) -> Option<Name> {
    if declared.roles.contains_key(word.value.as_str()) {
        return Some(word.value.as_str().into());
    }
    let hint = suggestion(&word.value, declared.roles.keys().map(AsRef::as_ref));
    sink.error_maybe(
        "unknown_role",
        word.at,
        format!("there is no role `{}`", word.value),
        hint,
    );
    None
}

/// The roles of the bundle by their names; reports and leaves out those that it does not declare.
pub fn known_roles(words: &[Word], declared: &Declarations, sink: &mut Sink<'_>) -> Vec<Name> {
    words
        .iter()
        .filter_map(|word| known_role(word, declared, sink))
        .collect()
}

/// Compiles readers; tags are those of `own`, or of another machine as `machine.tag`.
pub fn readers(
    source: &ReadersSource,
    declared: &Declarations,
    own: Option<&MachineDeclarations>,
    sink: &mut Sink<'_>,
) -> Readers {
    let mut roles = BTreeMap::new();
    for (role, tags) in &source.0 {
        match role.value.as_str() {
            "nobody" => continue,
            "public" => {}
            _ if known_role(role, declared, sink).is_none() => continue,
            _ => {}
        }
        roles.insert(role.value.as_str().into(), when(tags, declared, own, sink));
    }
    Readers { roles }
}

fn when(tags: &[Word], declared: &Declarations, own: Option<&MachineDeclarations>, sink: &mut Sink<'_>) -> When {
    if tags.is_empty() || tags.iter().any(|tag| tag.value == "always") {
        return When::Always;
    }
    When::Tagged(tags.iter().filter_map(|tag| tagged(tag, declared, own, sink)).collect())
}

fn tagged(
    word: &Word,
    declared: &Declarations,
    own: Option<&MachineDeclarations>,
    sink: &mut Sink<'_>,
) -> Option<(Option<Name>, Name)> {
    let (machine, tag) = match word.value.split_once('.') {
        Some((machine, tag)) => {
            let located = Located {
                at: word.at,
                value: machine.to_owned(),
            };
            (Some(known_machine(&located, declared, sink)?), tag)
        }
        None => (None, word.value.as_str()),
    };
    let of = match &machine {
        Some(machine) => declared.machines.get(machine),
        None => own.or_else(|| declared.machines.get(&declared.root)),
    };
    if let Some(of) = of
        && !of.tags.contains(tag)
    {
        let hint = suggestion(tag, of.tags.iter().map(AsRef::as_ref));
        sink.error_maybe(
            "unknown_tag",
            word.at,
            format!("no state of `{}` carries the tag `{tag}`", of.name),
            hint,
        );
        return None;
    }
    Some((machine, tag.into()))
}
