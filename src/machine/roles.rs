//! Resolves roles: who may act, and whom a to-do or a mail concerns. Must not know accounts or addresses.

use super::definition::model::{Bundle, Relation};
use super::step::Actor;
use super::trade::{Instance, Trade};
use super::value::{Name, Value};

/// An addressee without a person: `post:clerk@{organisation}`, `party:{id}`, `service:bank`, `member`, `public`.
/// To-do rows and mails carry these; accounts carry the same keys, so that "my to-dos" is one indexed query.
pub type Audience = Name;

/// The code under which the trading centre's own posts are held.
pub const CENTRE: &str = "centre";

/// The role of everybody, signed in or not.
pub const PUBLIC: &str = "public";

/// True where the actor stands in the role's relation to the instance.
pub fn holds(bundle: &Bundle, trade: &Trade, instance: &Instance, role: &str, actor: &Actor) -> bool {
    if role == PUBLIC {
        return true;
    }
    let Some(role) = bundle.roles.get(role) else {
        return false;
    };
    let has_post = |post: &str, organisation: &str| {
        let mut posts = actor.posts.iter();
        posts.any(|(held, at)| &**held == post && &**at == organisation)
    };
    let is_party = |owner: Option<&Name>| owner.is_some() && owner == actor.party.as_ref();
    match &role.relation {
        Relation::PostAt { post, machine, field } => {
            organisation(trade, instance, machine, field).is_some_and(|code| has_post(post, code))
        }
        Relation::PostAtCentre { post } => has_post(post, CENTRE),
        Relation::AnyMember => actor.member,
        Relation::OwnerOfSelf => is_party(instance.owner.as_ref()),
        Relation::OwnerOf { machines } => {
            let mut instances = trade.instances.values();
            instances.any(|other| machines.contains(&other.machine) && is_party(other.owner.as_ref()))
        }
        Relation::OwnerByKey { .. } => is_party(owner_by_key(trade, instance, &role.relation)),
        Relation::Service { service } => actor.services.contains(service),
    }
}

/// Everyone who stands in the role's relation to the instance.
pub fn audience(bundle: &Bundle, trade: &Trade, instance: &Instance, role: &str) -> Vec<Audience> {
    if role == PUBLIC {
        return vec![PUBLIC.into()];
    }
    let Some(role) = bundle.roles.get(role) else {
        return Vec::new();
    };
    let party = |owner: &Name| -> Audience { format!("party:{owner}").into() };
    match &role.relation {
        Relation::PostAt { post, machine, field } => organisation(trade, instance, machine, field)
            .map(|code| post_at(post, code))
            .into_iter()
            .collect(),
        Relation::PostAtCentre { post } => vec![post_at(post, CENTRE)],
        Relation::AnyMember => vec!["member".into()],
        Relation::OwnerOfSelf => instance.owner.iter().map(party).collect(),
        Relation::OwnerOf { machines } => {
            let all = trade.instances.values();
            let owned = all.filter(|other| machines.contains(&other.machine));
            let mut parties: Vec<Audience> = owned.filter_map(|other| other.owner.as_ref().map(party)).collect();
            parties.sort();
            parties.dedup();
            parties
        }
        Relation::OwnerByKey { .. } => owner_by_key(trade, instance, &role.relation)
            .map(party)
            .into_iter()
            .collect(),
        Relation::Service { service } => vec![format!("service:{service}").into()],
    }
}

/// The audiences an actor belongs to.
pub fn audiences_of(actor: &Actor) -> Vec<Audience> {
    let mut all: Vec<Audience> = vec![PUBLIC.into()];
    all.extend(actor.member.then(|| "member".into()));
    all.extend(actor.party.iter().map(|party| format!("party:{party}").into()));
    all.extend(
        actor
            .posts
            .iter()
            .map(|(post, organisation)| post_at(post, organisation)),
    );
    all.extend(actor.services.iter().map(|service| format!("service:{service}").into()));
    all
}

/// The nearest instance of a machine from an instance outwards: itself, its parent, and so on to the root.
pub fn nearest<'a>(trade: &'a Trade, instance: &'a Instance, machine: &str) -> Option<&'a Instance> {
    let parent = |inner: &&'a Instance| {
        let id = inner.parent.as_ref()?;
        trade.instances.get(id).map(AsRef::as_ref)
    };
    std::iter::successors(Some(instance), parent).find(|candidate| &*candidate.machine == machine)
}

fn post_at(post: &str, organisation: &str) -> Audience {
    format!("post:{post}@{organisation}").into()
}

fn organisation<'a>(trade: &'a Trade, instance: &'a Instance, machine: &str, field: &str) -> Option<&'a str> {
    nearest(trade, instance, machine)?
        .data
        .get(field)
        .and_then(Value::as_text)
}

fn owner_by_key<'a>(trade: &'a Trade, instance: &'a Instance, relation: &Relation) -> Option<&'a Name> {
    let Relation::OwnerByKey {
        machine,
        key_machine,
        key_field,
    } = relation
    else {
        return None;
    };
    let key = nearest(trade, instance, key_machine)?
        .data
        .get(key_field)
        .and_then(Value::as_text)?;
    let mut instances = trade.instances.values();
    let named = instances.find(|other| other.machine == *machine && other.key.as_deref() == Some(key))?;
    named.owner.as_ref()
}
