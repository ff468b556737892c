//! The course of an instance: the changes of state of what a reader may see; once the trade is over, all entries for an admin.
//! Must not number anything by the trade: its length would tell how many act in it.

use serde_json::{Value as Json, json};

use super::caller::Caller;
use super::commands::Seen;
use super::page::{Cursor, Page};
use super::problem::Problem;
use super::state::AppState;
use crate::machine::definition::model::Machine;
use crate::machine::history::{PublicPart, Taken};
use crate::machine::value::Name;
use crate::machine::view::{self, Reader};
use crate::store::history_rows::{self, HistoryRow};

/// Entries read at a time while a page is filled.
const CHUNK: i64 = 500;

/// A page of an instance's course, oldest first, and the cursor of the next.
///
/// # Errors
/// A failing store.
pub async fn course(
    state: &AppState,
    seen: &Seen,
    caller: &Caller,
    page: Page,
) -> Result<(Vec<Json>, Option<String>), Problem> {
    let eyes = caller.eyes();
    let mut skip = page
        .after
        .map_or(0, |cursor| usize::try_from(cursor.key).unwrap_or(usize::MAX));
    let first = skip;
    let (mut after, mut items) = (0i64, Vec::new());
    loop {
        let trade = seen.snapshot.trade.id.to_string();
        let rows = state
            .engine
            .read(move |conn| history_rows::history_after(conn, &trade, after, CHUNK))
            .await?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            break;
        };
        after = last;
        for row in &rows {
            let Some(item) = present(seen, row, eyes.reader())? else {
                continue;
            };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if items.len() == page.limit {
                // Counted by what this reader sees, so that the cursor tells nothing about the rest.
                let key = i64::try_from(first + items.len()).unwrap_or(i64::MAX);
                return Ok((
                    items,
                    Some(
                        Cursor {
                            key,
                            id: seen.instance.id.to_string(),
                        }
                        .encode(),
                    ),
                ));
            }
            items.push(item);
        }
    }
    Ok((items, None))
}

fn present(seen: &Seen, row: &HistoryRow, reader: Reader<'_>) -> Result<Option<Json>, Problem> {
    let public: PublicPart =
        serde_json::from_str(&row.public).map_err(|error| Problem::internal("read a history entry", &error))?;
    let own: Vec<&Taken> = public
        .transitions
        .iter()
        .filter(|taken| taken.instance == seen.instance.id)
        .collect();
    if matches!(reader, Reader::Operator) && view::is_over(&seen.snapshot.trade) {
        let concerned = public.instance == seen.instance.id || !own.is_empty();
        let private: Option<Json> = row.private.as_deref().and_then(|text| serde_json::from_str(text).ok());
        return Ok(concerned.then(|| {
            json!({"seq": row.seq, "at": row.at, "instance": public.instance, "event": public.event,
                "transitions": public.transitions, "refusal": public.refusal, "private": private, "hash": row.hash})
        }));
    }
    // An entry that changed no state of this instance is nobody's business: it may be somebody else's application or offer.
    // The same goes for one that moved only what the reader may not know of.
    let Some(machine) = seen.snapshot.bundle.machines.get(&seen.instance.machine) else {
        return Ok(None);
    };
    let moved = own.into_iter().filter_map(|taken| {
        let from = known(seen, machine, &taken.from, reader);
        let to = known(seen, machine, &taken.to, reader);
        (from != to).then_some((from, to))
    });
    let moved: Vec<_> = moved.collect();
    let (Some((from, _)), Some((_, to))) = (moved.first(), moved.last()) else {
        return Ok(None);
    };
    Ok(Some(json!({"at": row.at, "from": from, "to": to})))
}

/// The states among them that the reader may know of.
fn known(seen: &Seen, machine: &Machine, paths: &[Name], reader: Reader<'_>) -> Vec<Json> {
    let Seen { snapshot, instance } = seen;
    let states = paths.iter().filter_map(|path| Some((path, machine.state_at(path)?)));
    states
        .filter(|(_, state)| view::may_know(&snapshot.bundle, &snapshot.trade, instance, state, reader))
        .map(|(path, state)| json!({"path": path, "title": state.title}))
        .collect()
}
