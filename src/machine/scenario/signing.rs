//! Stand-ins for signatures and seals in scenarios, where nobody holds a key. Must not be used where a person acts: there
//! they are verified first.

use sha2::{Digest, Sha256};

use crate::machine::definition::model::{Sealing, TodoDefinition};
use crate::machine::step::{Actor, Sealed, Signed};
use crate::machine::trade::Instance;
use crate::machine::value::Name;

fn digest(of: &str) -> Name {
    hex::encode(Sha256::digest(of)).into()
}

fn holder(actor: &Actor) -> Name {
    actor.party.clone().unwrap_or_else(|| actor.account.clone())
}

/// What the door would say of an event that the actor signed.
pub fn signed(actor: &Actor, event: &str) -> Box<Signed> {
    let subject = holder(actor);
    Box::new(Signed {
        certificate_sha256: digest(&subject),
        certificate: "".into(),
        value: "".into(),
        nonce: digest(event),
        seen: 0,
        test: false,
        subject,
    })
}

/// The seal on the document that a to-do asks for, where it asks for one and the document is there; on another file where
/// the scenario says which digest was seen.
pub fn sealed(
    actor: &Actor,
    instance: &Instance,
    (todo, outcome): (&TodoDefinition, &str),
    seen: Option<&str>,
) -> Option<Box<Sealed>> {
    let document = todo.sign.as_ref().filter(|_| outcome == "signed")?;
    if todo.seal == Sealing::Digest {
        return None;
    }
    let current = instance.documents.get(document)?.sha256.clone()?;
    let base = seen.map_or(current, Name::from);
    let subject = holder(actor);
    Some(Box::new(Sealed {
        job: digest(&format!("job {base} {subject}")),
        document: document.clone(),
        sha256: digest(&format!("seal {base} {subject}")),
        sm3: digest(&format!("sm3 {base} {subject}")),
        certificate_sha256: digest(&subject),
        seal: format!("seal of {subject}").into(),
        base,
        subject,
    }))
}
