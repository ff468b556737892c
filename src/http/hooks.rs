//! Signed messages from outside systems: verified, matched to an instance by a listed field, offered as an event.
//! Must not know what a message is about: `model::Hook` says which instance, which event, whose name is compared.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::commands::{self, Entry};
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::engine::{IdempotencyKey, Receipt, Request, Stamp};
use crate::identity::comparable_name;
use crate::machine::Bundle;
use crate::machine::definition::model::{Hook, Machine};
use crate::machine::step::{Actor, Cause};
use crate::machine::trade::Instance;
use crate::machine::value::{Map, Name, Value};
use crate::shared_secret;
use crate::store::account_rows;
use crate::store::list_rows;

/// How far a message's time may lie from ours, in milliseconds: five minutes, as banks' own interfaces ask.
const WINDOW: i64 = 300_000;
/// A demo's clock runs faster than the sender's: there a day stands for the five minutes.
const VIRTUAL_WINDOW: i64 = 86_400_000;
/// Payload field that tells whether the payer is the owner of the instance.
const PAYER_MATCHES: &str = "payer_matches";

/// A message as it came in.
pub struct Message<'a> {
    pub hook: &'a str,
    /// Seconds since 1970, as text; part of what is signed.
    pub timestamp: &'a str,
    /// HMAC-SHA256 over `timestamp.body` in lower-case hex.
    pub signature: &'a str,
    pub body: &'a [u8],
    /// When all of it had arrived.
    pub stamp: &'a Stamp,
}

/// What a message did.
pub enum Delivered {
    Taken(Receipt),
    /// No instance took it: a case of its own was opened.
    Unmatched(Receipt),
}

/// Delivers a message once, however often it is sent.
///
/// # Errors
/// `bad_signature`, content that is not valid, or the machine's no where the bundle opens no case for it.
pub async fn deliver(state: &AppState, message: &Message<'_>) -> Result<Delivered, Problem> {
    let declared = declared(state, message.hook)?;
    verify(state, message, &declared)?;
    let Value::Map(fields) =
        super::strict::parse(message.body).map_err(|why| Problem::new(Code::InvalidJson).detail(why))?
    else {
        return Err(Problem::new(Code::Invalid).detail("send an object"));
    };
    for (_, hook) in &declared {
        let value = fields.get(&hook.by).and_then(Value::as_text);
        let value = value.ok_or_else(|| Problem::field(&hook.by, "is missing"))?.to_owned();
        let (machine, field) = (hook.machine.to_string(), hook.field.to_string());
        let found = state
            .engine
            .read(move |conn| list_rows::instance_by_field(conn, &machine, &field, &value));
        if let Some(row) = found.await? {
            return offer(state, message, hook, &Name::from(row.id), &fields).await;
        }
    }
    let (bundle, hook) = declared
        .into_iter()
        .next()
        .ok_or_else(|| Problem::new(Code::BadSignature))?;
    unmatched(state, message, &bundle, &hook, &fields)
        .await?
        .ok_or_else(|| Problem::new(Code::NotFound))
}

/// The hook of this name in the newest version of each published bundle.
fn declared(state: &AppState, name: &str) -> Result<Vec<(Arc<Bundle>, Hook)>, Problem> {
    let mut names: Vec<Name> = state
        .engine
        .library()
        .published()
        .into_iter()
        .map(|one| one.reference.name)
        .collect();
    names.sort();
    names.dedup();
    let mut found = Vec::new();
    for bundle in names {
        let bundle = state.engine.library().latest(&bundle)?;
        if let Some(hook) = bundle.hooks.get(name).cloned() {
            found.push((bundle, hook));
        }
    }
    Ok(found)
}

/// An unknown hook, one without a secret and a wrong signature look the same from outside.
fn verify(state: &AppState, message: &Message<'_>, declared: &[(Arc<Bundle>, Hook)]) -> Result<(), Problem> {
    let wrong = || Problem::new(Code::BadSignature);
    let secrets = &state.config.hooks;
    let by_service = declared.first().and_then(|(_, hook)| secrets.get(&*hook.service));
    let secret = secrets.get(message.hook).or(by_service).ok_or_else(wrong)?;
    check_signature(state, secret, (message.timestamp, message.signature), message.body)
}

/// Checks that an outside system has signed a message with the shared secret, just now.
///
/// # Errors
/// `bad_signature`.
pub fn check_signature(
    state: &AppState,
    secret: &str,
    (timestamp, signature): (&str, &str),
    body: &[u8],
) -> Result<(), Problem> {
    let wrong = || Problem::new(Code::BadSignature);
    if !shared_secret::fits(secret, (timestamp, signature), body) {
        return Err(wrong());
    }
    let stamped: i64 = timestamp.parse().map_err(|_| wrong())?;
    let window = if state.engine.clock().is_virtual() {
        VIRTUAL_WINDOW
    } else {
        WINDOW
    };
    let stamped = stamped.checked_mul(1_000).ok_or_else(wrong)?;
    let distance = state.now().0.checked_sub(stamped).map(i64::unsigned_abs);
    match distance {
        Some(distance) if distance <= window.unsigned_abs() => Ok(()),
        _ => Err(wrong().detail("the timestamp is too far from the present")),
    }
}

async fn offer(
    state: &AppState,
    message: &Message<'_>,
    hook: &Hook,
    id: &Name,
    fields: &Map,
) -> Result<Delivered, Problem> {
    let snapshot = state.engine.trade(id).await?;
    let instance = snapshot
        .trade
        .instances
        .get(id)
        .cloned()
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    // The trade is pinned to a version, which may declare the hook otherwise than the newest.
    let pinned = snapshot.bundle.hooks.get(message.hook).unwrap_or(hook).clone();
    let machine = snapshot
        .bundle
        .machines
        .get(&instance.machine)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    let payload = payload(state, machine, &pinned, &instance, fields).await?;
    let cause = Cause::event(pinned.event.clone(), payload);
    let entry = Entry::new(key(message, "event"), message.stamp);
    let answer = commands::offer(state, service(&pinned), entry, id, cause).await;
    match answer {
        Ok(receipt) => Ok(Delivered::Taken(receipt)),
        // What the instance no longer takes must not be lost: it becomes a case of its own. Malformed content stays refused.
        Err(problem) if problem.status == 409 && problem.code != Code::KeyReused.row().code => {
            let opened = unmatched(state, message, &snapshot.bundle, &pinned, fields).await?;
            opened.ok_or(problem)
        }
        Err(problem) => Err(problem),
    }
}

/// The event's declared fields out of the message, with the comparison of names; anything else is refused.
async fn payload(
    state: &AppState,
    machine: &Machine,
    hook: &Hook,
    instance: &Instance,
    fields: &Map,
) -> Result<Map, Problem> {
    let event = machine
        .events
        .get(&hook.event)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    let declared = |name: &Name| event.payload.iter().any(|(known, _)| known == name);
    let mut payload = Map::new();
    for (name, value) in fields {
        let addressed = *name == hook.by || Some(name) == hook.payer.as_ref();
        if declared(name) && &**name != PAYER_MATCHES {
            payload.insert(name.clone(), value.clone());
        } else if !addressed {
            return Err(Problem::field(name, "is not known"));
        }
    }
    if let Some(payer) = hook.payer.as_ref().filter(|_| declared(&PAYER_MATCHES.into())) {
        let sent = fields
            .get(payer)
            .and_then(Value::as_text)
            .ok_or_else(|| Problem::field(payer, "is missing"))?;
        payload.insert(PAYER_MATCHES.into(), is_owner(state, instance, sent).await?.into());
    }
    Ok(payload)
}

async fn is_owner(state: &AppState, instance: &Instance, payer: &str) -> Result<bool, Problem> {
    let Some(owner) = instance.owner.as_ref().map(ToString::to_string) else {
        return Ok(false);
    };
    let party = state
        .engine
        .read(move |conn| account_rows::party_by_id(conn, &owner))
        .await?;
    Ok(party.is_some_and(|party| comparable_name(&party.name) == comparable_name(payer)))
}

async fn unmatched(
    state: &AppState,
    message: &Message<'_>,
    bundle: &Bundle,
    hook: &Hook,
    fields: &Map,
) -> Result<Option<Delivered>, Problem> {
    let Some(machine) = &hook.unmatched else {
        return Ok(None);
    };
    let known = bundle.machines.get(machine);
    let mut data = fields.clone();
    data.retain(|name, _| known.is_some_and(|machine| machine.field(name).is_some()));
    let request = Request::Open {
        bundle: bundle.reference.name.clone(),
        machine: Some(machine.clone()),
        data,
    };
    let entry = Entry::new(key(message, "unmatched"), message.stamp);
    let receipt = commands::submit(state, service(hook), entry, request).await?;
    Ok(Some(Delivered::Unmatched(receipt)))
}

fn service(hook: &Hook) -> Actor {
    Actor {
        account: format!("service:{}", hook.service).into(),
        services: vec![hook.service.clone()],
        ..Actor::default()
    }
}

/// By content: the same message sent again under another time is the same message.
fn key(message: &Message<'_>, part: &str) -> IdempotencyKey {
    let digest = Sha256::new()
        .chain_update(message.hook)
        .chain_update("\n")
        .chain_update(message.body)
        .finalize();
    let digest = hex::encode(digest);
    IdempotencyKey {
        key: format!("hook:{part}:{digest}"),
        body_sha256: digest,
    }
}
