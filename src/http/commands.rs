//! From a request to the engine: finds the instance, hides what the sender may not see, submits, presents the receipt.
//! Must not decide: the machine does.

use std::sync::Arc;

use super::attachments;
use super::caller::{Account, Eyes};
use super::problem::{Code, Problem};
use super::signatures::{self, Claim};
use super::state::AppState;
use crate::engine::{IdempotencyKey, Receipt, Request, Snapshot, Stamp, Submission};
use crate::machine::step::{Act, Actor, Answer, Cause};
use crate::machine::trade::{Instance, TodoId};
use crate::machine::value::{Map, Name, Value};
use crate::machine::view;
use crate::store::idempotency_rows;
use crate::store::trade_rows::instance_trade;

/// An instance that somebody may see, with its trade.
pub struct Seen {
    pub snapshot: Snapshot,
    pub instance: Arc<Instance>,
}

/// How a command came in: its key, and when. A deadline waits for it as long as the stamp is held.
pub struct Entry<'a> {
    pub key: IdempotencyKey,
    pub stamp: &'a Stamp,
}

impl<'a> Entry<'a> {
    #[must_use]
    pub fn new(key: IdempotencyKey, stamp: &'a Stamp) -> Self {
        Self { key, stamp }
    }
}

/// The instance, as it is committed.
///
/// # Errors
/// `not_found`, the same for one that does not exist and one that may not be seen.
pub async fn see(state: &AppState, id: &str, eyes: &Eyes) -> Result<Seen, Problem> {
    let id = Name::from(super::extract::id(id)?);
    let seen = seen(state.engine.trade(&id).await?, &id, eyes).ok();
    if seen.is_none() && !state.engine.is_shared() {
        // One that does not exist is looked up in the store, this one was at hand: the time must not tell them apart. Where
        // that is shared, it was asked in either case.
        let sought = id.clone();
        state.engine.read(move |conn| instance_trade(conn, &sought)).await?;
    }
    seen.ok_or_else(|| Problem::new(Code::NotFound))
}

/// An instance that a list of ours names; `None` where the list may not tell of it.
///
/// # Errors
/// `not_found` for one that does not exist.
pub async fn listed(state: &AppState, id: &str, eyes: &Eyes) -> Result<Option<Seen>, Problem> {
    let id = Name::from(id);
    let snapshot = state.engine.trade(&id).await?;
    let seen = seen(snapshot, &id, eyes).ok();
    Ok(seen.filter(|Seen { snapshot, instance }| {
        view::may_list(&snapshot.bundle, &snapshot.trade, instance, eyes.reader())
    }))
}

/// The instance as it was committed a moment ago: enough for a command, which the step decides again.
///
/// # Errors
/// As `see`.
async fn glance(state: &AppState, id: &str, eyes: &Eyes) -> Result<Seen, Problem> {
    let name = Name::from(super::extract::id(id)?);
    let snapshot = state.engine.recent_trade(&name).await?;
    match seen(snapshot, &name, eyes) {
        // What became visible just now must not be refused.
        Err(_) => see(state, id, eyes).await,
        seen => seen,
    }
}

fn seen(snapshot: Snapshot, id: &Name, eyes: &Eyes) -> Result<Seen, Problem> {
    let instance = snapshot
        .trade
        .instances
        .get(id)
        .cloned()
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    if !view::may_see(&snapshot.bundle, &snapshot.trade, &instance, eyes.reader()) {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(Seen { snapshot, instance })
}

/// Offers an event that the machine declares.
///
/// # Errors
/// `not_found`, `forbidden` files, a signature that proves nothing, or the machine's own no.
pub async fn send(
    state: &AppState,
    account: &Account,
    entry: Entry<'_>,
    (instance, event): (&str, &str),
    mut payload: Map,
) -> Result<Receipt, Problem> {
    let sent = signatures::take(&mut payload)?;
    // A signature may be good only once: its certificate may have been revoked since. So the first answer comes before any check.
    if sent.is_some()
        && let Some(receipt) = answered(state, account, &entry.key).await?
    {
        return answer(state, receipt);
    }
    let seen = glance(state, instance, &Eyes(Some(account.actor.clone()))).await?;
    let held = attachments::of_event(&seen, event, &payload);
    attachments::check(state, account, held, Some(&seen)).await?;
    let signed = match sent {
        None => None,
        Some(sent) => {
            let claim = Claim {
                instance,
                event,
                payload: &payload,
                key: &entry.key.key,
                sent,
            };
            Some(Box::new(signatures::check(state, account, claim).await?))
        }
    };
    let cause = Cause::Event {
        name: event.into(),
        payload,
        signed,
    };
    let request = Request::Offer {
        instance: seen.instance.id.clone(),
        cause,
    };
    submit(state, account.actor.clone(), entry, request).await
}

/// Does something with a to-do.
///
/// # Errors
/// `not_found`, `forbidden` files, or the machine's own no.
pub async fn act(
    state: &AppState,
    account: &Account,
    entry: Entry<'_>,
    seen: &Seen,
    (todo, act): (&TodoId, Act),
) -> Result<Receipt, Problem> {
    if let Act::Complete { payload, .. } = &act {
        let held = attachments::of_fields(seen, payload);
        attachments::check(state, account, held, Some(seen)).await?;
    }
    let cause = Cause::Todo {
        todo: todo.clone(),
        act,
    };
    offer(state, account.actor.clone(), entry, &seen.instance.id, cause).await
}

/// Submits a cause; what is not a yes is a problem.
///
/// # Errors
/// The machine's no, an incident, or the engine's own.
pub async fn offer(
    state: &AppState,
    actor: Actor,
    entry: Entry<'_>,
    instance: &Name,
    cause: Cause,
) -> Result<Receipt, Problem> {
    let request = Request::Offer {
        instance: instance.clone(),
        cause,
    };
    submit(state, actor, entry, request).await
}

/// Submits a request as of its arrival.
///
/// # Errors
/// The machine's no, an incident, or the engine's own.
pub async fn submit(state: &AppState, actor: Actor, entry: Entry<'_>, request: Request) -> Result<Receipt, Problem> {
    let submission = Submission {
        actor,
        key: Some(entry.key),
        ingress: entry.stamp.at(),
        request,
    };
    let receipt = state.engine.submit_stamped(entry.stamp, submission).await?;
    answer(state, receipt)
}

/// What the same command was answered before.
async fn answered(state: &AppState, account: &Account, key: &IdempotencyKey) -> Result<Option<Receipt>, Problem> {
    let (actor, wanted) = (account.actor.account.to_string(), key.key.clone());
    let found = state
        .engine
        .read(move |conn| idempotency_rows::key_find(conn, &actor, &wanted))
        .await?;
    let Some(row) = found else { return Ok(None) };
    if row.body_sha256 != key.body_sha256 {
        return Err(Problem::new(Code::KeyReused));
    }
    let receipt = serde_json::from_str(&row.receipt);
    receipt
        .map(Some)
        .map_err(|error| Problem::internal("read an earlier answer", &error))
}

/// A committed answer for its sender; what is not a yes is a problem.
fn answer(state: &AppState, mut receipt: Receipt) -> Result<Receipt, Problem> {
    sign(state, &mut receipt);
    // Who is refused holds a receipt as well.
    Problem::check(&receipt.answer).map_err(|problem| match record_receipt(&receipt) {
        Value::Null => problem,
        held => problem.member("receipt", held),
    })?;
    Ok(receipt)
}

/// Signs the receipt of a recorded event where there is time; else it is signed when it is asked for. The nonce is derived, so that
/// a repeated key gets the same signature.
fn sign(state: &AppState, receipt: &mut Receipt) {
    let (Some(record), Some(signer)) = (&mut receipt.record, state.engine.signer()) else {
        return;
    };
    if signer.is_at_hand()
        && state.limits.may_sign()
        && let Err(error) = record.sign(&**signer)
    {
        tracing::error!(%error, "a receipt was not signed");
    }
}

/// The receipt of a recorded event; null where the machine keeps no record.
fn record_receipt(receipt: &Receipt) -> Value {
    let record = receipt.record.as_ref();
    let value = record.and_then(|record| serde_json::to_value(record).ok());
    value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default()
}

/// What the sender is told: nothing that counts, and no states: which of them the sender may know is the view's answer.
#[must_use]
pub fn present(receipt: &Receipt) -> Map {
    let (created, repeated) = match &receipt.answer {
        Answer::Taken { created } => (created.clone().map_or(Value::Null, Value::Text), false),
        _ => (Value::Null, true),
    };
    Map::from([
        ("instance".into(), receipt.instance.clone().into()),
        ("created".into(), created),
        ("repeated".into(), repeated.into()),
        ("at".into(), receipt.at.into()),
        ("receipt".into(), record_receipt(receipt)),
    ])
}
