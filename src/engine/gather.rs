//! Turns decisions into the rows that are written with them. Must not talk to the store.

use std::collections::BTreeMap;

use serde::Serialize;

use super::desk::Worked;
use super::sessions::Versions;
use super::{EngineError, IdempotencyKey, Receipt, projection, random};
use crate::ids;
use crate::ledger;
use crate::machine::history::{Entry, Taken};
use crate::machine::snapshot::snapshot;
use crate::machine::step::{Act, Answer, Cause, Decision, Effect, Fault, Input};
use crate::machine::trade::{InstanceId, Todo, TodoId};
use crate::machine::value::Map;
use crate::machine::{Instance, Name, Time, Trade};
use crate::store::StoreError;
use crate::store::batch::Batch;
use crate::store::history_rows::{HistoryRow, MoveRow};
use crate::store::idempotency_rows::KeyRow;
use crate::store::incident_rows::IncidentRow;
use crate::store::ledger_rows::PostingRow;
use crate::store::outbox_payload::{Asked, Payload};
use crate::store::outbox_rows::OutboxRow;
use crate::store::published_rows::PublishedRow;
use crate::store::record_rows::RecordRow;
use crate::store::todo_rows::TodoRow;

/// Rows that are known as soon as one decision is made; `projection` adds what only the last state of a batch tells.
#[derive(Default)]
pub(super) struct Gathered {
    pub batch: Batch,
    /// To-dos touched in this batch: whether the store has the row already, and the row as it shall be.
    pub todos: BTreeMap<TodoId, (Stored, TodoRow)>,
    /// The versions of capacities that decisions were told of.
    pub versions: Versions,
}

/// Whether a row is in the store already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    No,
}

/// True where the entry is the input's own and not a timer's that fired beside it.
pub(super) fn is_of(entry: &Entry, input: &Input) -> bool {
    entry.private.as_ref().is_some_and(|private| {
        let timer = matches!(input.cause, Cause::Timer { .. });
        private.input.instance == input.instance
            && private.input.cause == input.cause
            && (timer || private.input.at == input.at)
    })
}

impl Gathered {
    /// Takes over all that one decision writes.
    ///
    /// # Errors
    /// What cannot be written as JSON, or a posting beyond 64 bits: the program's fault.
    pub fn decision(
        &mut self,
        worked: &mut Worked,
        before: Option<&Trade>,
        input: &Input,
        decision: &Decision,
        now: Time,
    ) -> Result<(), EngineError> {
        for entry in &decision.entries {
            self.batch.history.push(history_row(&decision.trade.id, entry)?);
            self.moves(entry)?;
        }
        for (number, effect) in decision.effects.iter().enumerate() {
            self.effect(worked, &decision.trade, number, effect, now)?;
        }
        if let Some(before) = before {
            self.standstills(worked, before, decision)?;
        }
        let own = decision.entries.iter().find(|entry| is_of(entry, input));
        self.todos(before, &decision.trade, own);
        Ok(())
    }

    /// Which instances an entry brought from one state to another: what may be told of their course.
    fn moves(&mut self, entry: &Entry) -> Result<(), EngineError> {
        let mut own: BTreeMap<&InstanceId, Vec<&Taken>> = BTreeMap::new();
        for taken in &entry.public.transitions {
            own.entry(&taken.instance).or_default().push(taken);
        }
        own.retain(|_, all| all.iter().any(|taken| taken.from != taken.to));
        for (instance, taken) in own {
            self.batch.moves.push(MoveRow {
                instance: instance.to_string(),
                seq: number_of(entry.seq),
                at: entry.at.0,
                taken: json(&taken)?,
            });
        }
        Ok(())
    }

    /// Incidents of a trade that was not opened.
    pub fn effects_without_trade(&mut self, decision: &Decision) {
        for effect in &decision.effects {
            if let Effect::Incident { fault, at } = effect {
                // Without randomness there are no ids, and the submission fails anyway.
                let _unrecorded = self.incident(None, fault, *at);
            }
        }
    }

    fn effect(
        &mut self,
        worked: &mut Worked,
        trade: &Trade,
        number: usize,
        effect: &Effect,
        now: Time,
    ) -> Result<(), EngineError> {
        let (instance, at) = match effect {
            Effect::Document { instance, at, .. }
            | Effect::Mail { instance, at, .. }
            | Effect::TodoMail { instance, at, .. }
            | Effect::Webhook { instance, at, .. }
            | Effect::NewTrade { instance, at, .. } => (instance, at),
            Effect::Posting { .. } => return self.posting(worked, trade, number, effect),
            Effect::Published { instance, data, at } => return self.published(worked, trade, instance, data, *at),
            Effect::Recorded {
                instance,
                kind,
                data,
                at,
            } => return self.recorded(worked, trade, instance, kind, data, *at),
            Effect::Incident { fault, at } => return self.incident(Some(&trade.id), fault, *at),
        };
        let found = trade.instances.get(instance);
        let snapshot = found.map(|instance| snapshot(&worked.bundle, trade, instance));
        let payload = Payload {
            asked: Asked::Effect(effect.clone()),
            snapshot: serde_json::to_value(snapshot.unwrap_or_default()).map_err(StoreError::from)?,
        };
        let id = ids::derived(*at, &trade.head, number);
        self.batch.outbox.push(OutboxRow {
            trade: trade.id.to_string(),
            instance: instance.to_string(),
            // A decision may be dated back to a timer's due time; the work can be done from now on.
            available_at: at.0.min(now.0),
            ..OutboxRow::waiting(id, &payload, *at)?
        });
        Ok(())
    }

    fn posting(&mut self, worked: &Worked, trade: &Trade, number: usize, effect: &Effect) -> Result<(), EngineError> {
        let Effect::Posting {
            instance,
            movement,
            amount,
            reference,
            at,
        } = effect
        else {
            return Ok(());
        };
        let kind = worked.bundle.movements.get(movement);
        let kind = kind.ok_or_else(|| StoreError::Unwritable(format!("the bundle has no movement {movement}")))?;
        let lines = ledger::lines(&kind.from, &kind.to, *amount);
        let lines =
            lines.ok_or_else(|| StoreError::Unwritable(format!("an amount of {amount} fen cannot be posted")))?;
        for (side, line) in lines.into_iter().enumerate() {
            self.batch.postings.push(PostingRow {
                trade: trade.id.to_string(),
                seq: number_of(trade.seq),
                line: i64::try_from(number * 2 + side).unwrap_or(i64::MAX),
                instance: instance.to_string(),
                movement: movement.to_string(),
                account: line.account,
                amount: line.amount,
                reference: reference.as_deref().map(str::to_owned),
                at: at.0,
            });
        }
        Ok(())
    }

    fn published(
        &mut self,
        worked: &mut Worked,
        trade: &Trade,
        instance: &InstanceId,
        data: &Map,
        at: Time,
    ) -> Result<(), EngineError> {
        let counters = worked.counters.entry(instance.clone()).or_default();
        counters.published += 1;
        self.batch.published.push(PublishedRow {
            instance: instance.to_string(),
            number: counters.published,
            trade: trade.id.to_string(),
            at: at.0,
            data: json(data)?,
        });
        Ok(())
    }

    /// Who follows an instance is told that it stands still, and that it moves again where it does not publish so itself.
    fn standstills(&mut self, worked: &mut Worked, before: &Trade, decision: &Decision) -> Result<(), EngineError> {
        let trade = &decision.trade;
        for (id, instance) in &trade.instances {
            let turned = before
                .instances
                .get(id)
                .is_some_and(|old| old.frozen != instance.frozen);
            let followed = worked.counters.get(id).is_some_and(|counters| counters.published > 0);
            let own = |effect: &Effect| matches!(effect, Effect::Published { instance, .. } if instance == id);
            if turned && followed && (instance.frozen || !decision.effects.iter().any(own)) {
                let data = Map::from([("frozen".into(), instance.frozen.into())]);
                self.published(worked, trade, id, &data, trade.now)?;
            }
        }
        Ok(())
    }

    fn recorded(
        &mut self,
        worked: &mut Worked,
        trade: &Trade,
        instance: &InstanceId,
        kind: &Name,
        data: &Map,
        at: Time,
    ) -> Result<(), EngineError> {
        if super::records::is_kept(&worked.bundle, trade, instance) {
            // It stands in the line of this entry.
            return Ok(());
        }
        let counters = worked.counters.entry(instance.clone()).or_default();
        counters.recorded += 1;
        self.batch.records.push(RecordRow {
            instance: instance.to_string(),
            number: counters.recorded,
            trade: trade.id.to_string(),
            kind: kind.to_string(),
            at: at.0,
            data: json(data)?,
        });
        Ok(())
    }

    fn incident(&mut self, trade: Option<&Name>, fault: &Fault, at: Time) -> Result<(), EngineError> {
        let kind = if fault.place.starts_with("timer.") {
            "timer"
        } else {
            "fault"
        };
        let told = (fault.place.to_string(), fault.text.clone());
        self.batch.incidents.push(IncidentRow {
            trade: trade.map(ToString::to_string),
            instance: Some(fault.instance.to_string()),
            ..IncidentRow::open(random::fresh()?.to_string(), kind, told, at)
        });
        Ok(())
    }

    /// An event stamped before a deadline surfaced after the deadline had been decided, and was refused.
    ///
    /// # Errors
    /// A system without randomness.
    pub fn late_ingress(&mut self, trade: &Name, input: &Input, due: Time, now: Time) -> Result<(), EngineError> {
        let early = due.millis_since(input.at);
        let text = format!("came in {early} ms before a deadline that was decided without it");
        let told = (cause_name(&input.cause), text);
        self.batch.incidents.push(IncidentRow {
            trade: Some(trade.to_string()),
            instance: Some(input.instance.to_string()),
            ..IncidentRow::open(random::fresh()?.to_string(), "late_ingress", told, now)
        });
        Ok(())
    }

    /// Keeps a receipt under its key.
    ///
    /// # Errors
    /// What cannot be written as JSON: the program's fault.
    pub fn key(&mut self, actor: &Name, key: &IdempotencyKey, receipt: &Receipt, now: Time) -> Result<(), EngineError> {
        self.batch.keys.push(KeyRow {
            actor: actor.to_string(),
            key: key.key.clone(),
            body_sha256: key.body_sha256.clone(),
            receipt: json(receipt)?,
            at: now.0,
        });
        Ok(())
    }

    /// To-dos that the decision opened, changed or closed.
    fn todos(&mut self, before: Option<&Trade>, after: &Trade, own: Option<&Entry>) {
        for (id, instance) in &after.instances {
            let old = before.and_then(|trade| trade.instances.get(id));
            if old.is_some_and(|old| std::sync::Arc::ptr_eq(old, instance)) {
                continue;
            }
            let none = BTreeMap::new();
            let old = old.map_or(&none, |old| &old.todos);
            for (todo_id, todo) in &instance.todos {
                match old.get(todo_id) {
                    Some(same) if same == todo => {}
                    Some(_) => self.todo(Stored::Yes, projection::todo_row(after, instance, todo)),
                    None => self.todo(Stored::No, projection::todo_row(after, instance, todo)),
                }
            }
            for (_, todo) in old.iter().filter(|(todo, _)| !instance.todos.contains_key(*todo)) {
                self.todo(Stored::Yes, closed(after, instance, todo, own));
            }
        }
    }

    fn todo(&mut self, stored: Stored, row: TodoRow) {
        let id: TodoId = row.id.as_str().into();
        let first = self.todos.get(&id).map_or(stored, |(first, _)| *first);
        self.todos.insert(id, (first, row));
    }
}

/// A to-do that is no longer open: done where its own outcome closed it, else cancelled with its state.
fn closed(trade: &Trade, instance: &Instance, todo: &Todo, own: Option<&Entry>) -> TodoRow {
    let mut row = projection::todo_row(trade, instance, todo);
    row.status = "cancelled".into();
    row.closed_at = Some(trade.now.0);
    let private = own.and_then(|entry| entry.private.as_ref());
    if let Some(private) = private
        && let Cause::Todo {
            todo: completed,
            act: Act::Complete { outcome, .. },
        } = &private.input.cause
        && *completed == todo.id
        && matches!(private.answer, Answer::Taken { .. })
    {
        row.status = "done".into();
        row.outcome = Some(outcome.to_string());
        row.closed_by = Some(private.context.actor.account.to_string());
    }
    row
}

fn history_row(trade: &Name, entry: &Entry) -> Result<HistoryRow, EngineError> {
    Ok(HistoryRow {
        trade: trade.to_string(),
        seq: number_of(entry.seq),
        instance: entry.public.instance.to_string(),
        event: entry.public.event.to_string(),
        at: entry.at.0,
        public: json(&entry.public)?,
        public_salt: entry.public_salt.to_string(),
        private: entry.private.as_ref().map(json).transpose()?,
        private_salt: entry.private_salt.as_ref().map(ToString::to_string),
        private_commitment: entry.private_commitment.to_string(),
        prev: entry.prev.to_string(),
        hash: entry.hash.to_string(),
    })
}

fn cause_name(cause: &Cause) -> String {
    match cause {
        Cause::Event { name, .. } | Cause::Result { name, .. } | Cause::Timer { name, .. } => name.to_string(),
        Cause::Todo { todo, .. } => format!("todo {todo}"),
        Cause::Start { .. } => "start".into(),
        Cause::Calendar => "calendar".into(),
        Cause::Retry { timer } => format!("retry {timer}"),
    }
}

pub(super) fn number_of(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn json<T: Serialize>(value: &T) -> Result<String, EngineError> {
    Ok(serde_json::to_string(value).map_err(StoreError::from)?)
}
