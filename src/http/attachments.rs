//! Which uploaded files a value names, and whether the sender may put them there. Must not read contents.

use std::collections::BTreeSet;

use super::caller::Account;
use super::commands::Seen;
use super::problem::Problem;
use super::state::AppState;
use crate::machine::definition::model::{Machine, Type};
use crate::machine::value::{Map, Name, Value};
use crate::machine::view::{self, Reader};
use crate::store::upload_rows;

/// More files than any form asks for; each costs a look-up.
const MOST: usize = 200;

/// Ids of files.
pub type Ids = BTreeSet<String>;

/// The files that an event's payload names.
pub fn of_event(seen: &Seen, event: &str, payload: &Map) -> Ids {
    let mut ids = of_fields(seen, payload);
    let machine = seen.snapshot.bundle.machines.get(&seen.instance.machine);
    let declared = machine
        .and_then(|machine| machine.events.get(event))
        .map(|event| event.payload.as_slice());
    for (name, kind) in declared.unwrap_or_default() {
        if let Some(value) = payload.get(name) {
            collect(kind, value, &mut ids);
        }
    }
    ids
}

/// The files that values of an instance's fields name.
pub fn of_fields(seen: &Seen, values: &Map) -> Ids {
    seen.snapshot
        .bundle
        .machines
        .get(&seen.instance.machine)
        .map(|machine| of_machine(machine, values))
        .unwrap_or_default()
}

/// The files that values of a machine's fields name.
pub fn of_machine(machine: &Machine, values: &Map) -> Ids {
    let mut ids = Ids::new();
    for (name, value) in values {
        if let Some(field) = machine.field(name) {
            collect(&field.kind, value, &mut ids);
        }
    }
    ids
}

/// True where a field that the reader may read holds the file.
#[must_use]
pub fn shows(seen: &Seen, reader: Reader<'_>, id: &str) -> bool {
    let Seen { snapshot, instance } = seen;
    of_fields(
        seen,
        &view::readable(&snapshot.bundle, &snapshot.trade, instance, reader),
    )
    .contains(id)
}

/// A file may be attached by who uploaded it, or left where it is. Anything else would open other people's files.
///
/// # Errors
/// `invalid`, the same for a file of somebody else and one that does not exist.
pub async fn check(state: &AppState, account: &Account, ids: Ids, seen: Option<&Seen>) -> Result<(), Problem> {
    let there = seen
        .map(|seen| of_fields(seen, &seen.instance.data))
        .unwrap_or_default();
    let new: Vec<String> = ids.difference(&there).cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    if new.len() > MOST {
        return Err(Problem::field("files", format!("names more than {MOST} files")));
    }
    let uploader = account.id.clone();
    let foreign = state.engine.read(move |conn| {
        for id in new {
            let row = upload_rows::file_by_id(conn, &id)?;
            if row.is_none_or(|row| row.uploader != uploader) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    });
    match foreign.await? {
        None => Ok(()),
        Some(id) => Err(Problem::field("files", "names a file that you did not upload").member("file", id)),
    }
}

fn collect(kind: &Type, value: &Value, ids: &mut Ids) {
    match (kind, value) {
        (Type::File, Value::Text(id)) => {
            ids.insert(id.to_string());
        }
        (Type::Files, Value::List(list)) => {
            ids.extend(list.iter().filter_map(Value::as_text).map(str::to_owned));
        }
        (Type::List { columns, .. }, Value::List(rows)) => {
            for row in rows {
                collect_named(columns.iter().map(|(name, kind)| (name, kind)), row, ids);
            }
        }
        (Type::Form(fields), value) => collect_named(fields.iter().map(|field| (&field.name, &field.kind)), value, ids),
        _ => {}
    }
}

fn collect_named<'a>(named: impl Iterator<Item = (&'a Name, &'a Type)>, value: &Value, ids: &mut Ids) {
    let Value::Map(map) = value else { return };
    for (name, kind) in named {
        if let Some(value) = map.get(name) {
            collect(kind, value, ids);
        }
    }
}
