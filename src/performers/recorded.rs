//! What a document or mail prints of a record: its lines in words, and the checkpoint that vouches for it.
//! Must not verify, and must not tell more than the record does.

use serde_json::{Value as Json, json};

use super::PerformError;
use super::format;
use crate::engine::checkpoint_of;
use crate::machine::definition::model::{Bundle, EventDefinition, Machine, Type};
use crate::machine::value::Map;
use crate::record::{Checkpoint, Head, Reach, Row};
use crate::store::record_rows::{LineRow, checkpoint_latest, record_from};
use crate::store::{Connection, StoreError};

/// The most lines of one record that a document prints.
const MOST_LINES: i64 = 100_000;

/// Adds `record`: for the instance and each machine of its children that keeps one, its record up to `at`; null where there is none.
/// What the definition entered is added to `records` as well.
///
/// # Errors
/// A failing database.
pub fn add(conn: &mut Connection, bundle: &Bundle, context: &mut Json, at: i64) -> Result<(), StoreError> {
    let own = context["self"]["machine"].as_str().unwrap_or_default().to_owned();
    let mut told = serde_json::Map::new();
    for (name, machine) in bundle.machines.iter().filter(|(_, machine)| machine.record.is_some()) {
        let is_child = machine.child_of.iter().any(|parent| **parent == *own);
        let last = match is_child {
            true => context["children"][&**name].as_array().and_then(|list| list.last()),
            false if **name == *own => Some(&context["self"]),
            false => continue,
        };
        let id = last.and_then(|instance| instance["id"].as_str()).map(str::to_owned);
        let record = match id {
            Some(id) => one(conn, bundle, machine, &id, at)?,
            None => Json::Null,
        };
        add_facts(&record, &mut context["records"][&**name]);
        told.insert(name.to_string(), record);
    }
    context["record"] = Json::Object(told);
    Ok(())
}

fn one(conn: &mut Connection, bundle: &Bundle, machine: &Machine, id: &str, at: i64) -> Result<Json, StoreError> {
    let rows = record_from(conn, id, 1, MOST_LINES)?;
    let rows: Vec<_> = rows.into_iter().filter_map(|row| line(bundle, machine, &row)).collect();
    let rows: Vec<_> = rows.into_iter().filter(|(_, decided, _)| *decided <= at).collect();
    let Some((head, _, _)) = rows.last() else {
        return Ok(Json::Null);
    };
    let head = json!({"size": head.size, "sm3": head.sm3, "sha256": head.sha256});
    let latest = checkpoint_latest(conn, id)?.as_ref().map(checkpoint_of);
    let lines: Vec<Json> = rows.into_iter().map(|(_, _, line)| line).collect();
    Ok(json!({"instance": id, "head": head, "checkpoint": latest.as_ref().map(checkpoint), "lines": lines}))
}

/// A line in words, with the head and the time that it gives; nothing for what came after the end, which no document waits for.
fn line(bundle: &Bundle, machine: &Machine, stored: &LineRow) -> Option<(Head, i64, Json)> {
    let row = Row::parse(&stored.line).ok().filter(|row| !row.after)?;
    let declared = machine.events.get(&*row.event).filter(|_| row.of.is_none());
    let phases = row
        .phase
        .iter()
        .map(|path| machine.state_at(path).map_or(&**path, |state| state.title.as_str()));
    let reason = row.reason.as_deref();
    let reason = reason.map(|code| bundle.refusals.get(code).map_or(code, String::as_str));
    let line = json!({
        "n": row.n, "arrived": row.arrived, "decided": row.decided, "event": row.event,
        "title": declared.map_or_else(|| plain(&row.event), |event| event.title.as_str()),
        "by": row.by, "data": row.data, "amounts": amounts(declared, &row.data), "outcome": row.outcome.as_str(),
        "reason": reason, "phase": phases.collect::<Vec<_>>().join("、"), "frozen": row.frozen, "facts": row.facts,
        "offered": declared.is_some(),
    });
    Some((Head::at(row.n, &stored.line), row.decided.0, line))
}

/// What people call an event that no definition names.
fn plain(event: &str) -> &'static str {
    match event.split('.').next() {
        Some("timer") => "计时到期",
        Some("todo") => "办理事项",
        Some("start") => "开始",
        _ => "其他事项",
    }
}

/// The money that an event carries, as people write it.
fn amounts(declared: Option<&EventDefinition>, data: &Map) -> String {
    let money = declared.into_iter().flat_map(|event| &event.payload);
    let money = money.filter(|(_, kind)| *kind == Type::Money);
    let amounts = money.filter_map(|(name, _)| data.get(name)?.as_int().map(format::money));
    amounts.collect::<Vec<_>>().join("、")
}

/// Facts of lines as entries of `records`, numbered by kind.
fn add_facts(record: &Json, entries: &mut Json) {
    let mut counts = std::collections::BTreeMap::<String, i64>::new();
    let lines = record["lines"].as_array().into_iter().flatten();
    let facts = lines.flat_map(|line| {
        let facts = line["facts"].as_array().into_iter().flatten();
        facts.map(move |fact| (line, fact))
    });
    for (line, fact) in facts {
        let kind = fact["kind"].as_str().unwrap_or_default().to_owned();
        let ordinal = counts.entry(kind).or_default();
        *ordinal += 1;
        let entry = json!({"instance": record["instance"], "ordinal": *ordinal, "kind": fact["kind"], "at": line["decided"],
            "data": fact["data"]});
        if let Some(entries) = entries.as_array_mut() {
            entries.push(entry);
        }
    }
}

/// The newest checkpoint over the record of the instance that a mail is about; null where its machine keeps none.
///
/// # Errors
/// `Passing` where the instance has ended and the checkpoint over the whole is still to be signed.
pub fn newest(
    conn: &mut Connection,
    bundle: &Bundle,
    context: &Json,
    is_signed: Signed,
) -> Result<Result<Json, PerformError>, StoreError> {
    let own = &context["self"];
    let machine = own["machine"].as_str().and_then(|name| bundle.machines.get(name));
    let machine = machine.filter(|machine| machine.record.is_some());
    let (Some(machine), Some(id)) = (machine, own["id"].as_str()) else {
        return Ok(Ok(Json::Null));
    };
    let latest = checkpoint_latest(conn, id)?.as_ref().map(checkpoint_of);
    let states = own["states"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let ended = states.filter_map(|path| machine.state_at(path)).any(is_last);
    let whole = latest.as_ref().is_some_and(|latest| latest.reach == Reach::Whole);
    if ended && !whole && is_signed == Signed::Here {
        return Ok(Err(PerformError::passing(
            "the record's last checkpoint is not signed yet",
        )));
    }
    Ok(Ok(latest.as_ref().map_or(Json::Null, checkpoint)))
}

/// Whether this process signs records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    Here,
    Nowhere,
}

fn is_last(state: &crate::machine::definition::model::State) -> bool {
    matches!(state.kind, crate::machine::definition::model::StateKind::Final)
}

/// A checkpoint with the text that `luochui audit verify --checkpoint` reads.
fn checkpoint(checkpoint: &Checkpoint) -> Json {
    let mut told = json!(checkpoint);
    told["json"] = json!(serde_json::to_string(checkpoint).unwrap_or_default());
    told
}
