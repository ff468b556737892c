//! The course of an instance: an admin sees all entries, others the changes of state of what they may see.
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
use crate::machine::view::Reader;
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
    let everything = matches!(eyes.reader(), Reader::Everything);
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
            let Some(item) = present(seen, row, everything)? else {
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

fn present(seen: &Seen, row: &HistoryRow, everything: bool) -> Result<Option<Json>, Problem> {
    let public: PublicPart =
        serde_json::from_str(&row.public).map_err(|error| Problem::internal("read a history entry", &error))?;
    let own: Vec<&Taken> = public
        .transitions
        .iter()
        .filter(|taken| taken.instance == seen.instance.id)
        .collect();
    if everything {
        let concerned = public.instance == seen.instance.id || !own.is_empty();
        let private: Option<Json> = row.private.as_deref().and_then(|text| serde_json::from_str(text).ok());
        return Ok(concerned.then(|| {
            json!({"seq": row.seq, "at": row.at, "instance": public.instance, "event": public.event,
                "transitions": public.transitions, "refusal": public.refusal, "private": private, "hash": row.hash})
        }));
    }
    // An entry that changed no state of this instance is nobody's business: it may be somebody else's application or offer.
    let moved: Vec<_> = own.into_iter().filter(|taken| taken.from != taken.to).collect();
    let machine = seen.snapshot.bundle.machines.get(&seen.instance.machine);
    let (Some(machine), Some(first), Some(last)) = (machine, moved.first(), moved.last()) else {
        return Ok(None);
    };
    Ok(Some(
        json!({"at": row.at, "from": titled(machine, &first.from), "to": titled(machine, &last.to)}),
    ))
}

fn titled(machine: &Machine, paths: &[Name]) -> Vec<Json> {
    let title = |path: &Name| {
        machine
            .state_at(path)
            .map(|state| state.title.clone())
            .unwrap_or_default()
    };
    paths
        .iter()
        .map(|path| json!({"path": path, "title": title(path)}))
        .collect()
}
