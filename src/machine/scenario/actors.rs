//! Who acts behind the short names of a scenario. Must not play what they do.

use super::source::Person;
use super::stage::Stage;
use crate::machine::definition::model::Relation;
use crate::machine::step::Actor;
use crate::machine::value::{Map, Value};

impl Stage<'_> {
    /// The actor behind a short name: a person of the cast with the posts of their roles, or a party.
    pub fn actor(&self, name: &str, data: &Map) -> Result<Actor, String> {
        if let Some(person) = self.cast.people.get(name) {
            return self.person(person, data);
        }
        if self.cast.parties.iter().any(|party| party == name) {
            return Ok(Actor {
                account: name.into(),
                party: Some(name.into()),
                member: true,
                ..Actor::default()
            });
        }
        Err(format!("`{name}` is neither a person nor a party of these scenarios"))
    }

    fn person(&self, person: &Person, data: &Map) -> Result<Actor, String> {
        let mut actor = Actor {
            account: person.name.as_str().into(),
            ..Actor::default()
        };
        for role in &person.roles {
            let declared = self
                .bundle
                .roles
                .get(role.as_str())
                .ok_or_else(|| format!("the bundle has no role `{role}`"))?;
            match &declared.relation {
                Relation::PostAt { post, field, .. } => {
                    if let Some(organisation) = data.get(field).and_then(Value::as_text) {
                        actor.posts.push((post.clone(), organisation.into()));
                    }
                }
                Relation::PostAtCentre { post } => actor.posts.push((post.clone(), "centre".into())),
                Relation::Service { service } => actor.services.push(service.clone()),
                // Somebody with a post may have an account as a party too.
                Relation::AnyMember => {
                    actor.party = Some(person.name.as_str().into());
                    actor.member = true;
                }
                _ => return Err(format!("`{role}` is not a post or a service; name a party instead")),
            }
        }
        Ok(actor)
    }
}
