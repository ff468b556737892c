//! The course of an instance: the changes of state of what a reader may see; once the trade is over, all entries for an admin.
//! Must not number anything by the trade, for its length would tell how many act in it; nor read what it will not tell, for the time
//! that takes would tell it as well.

use serde_json::{Value as Json, json};

use super::caller::Caller;
use super::commands::Seen;
use super::page::{Cursor, Page};
use super::problem::Problem;
use super::state::AppState;
use crate::machine::definition::model::Machine;
use crate::machine::history::PublicPart;
use crate::machine::value::Name;
use crate::machine::view::{self, Reader};
use crate::store::StoreError;
use crate::store::history_rows::{HistoryRow, MoveRow, history_after, moves_after};

/// Rows read at a time while a page is filled.
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
    let whole = matches!(eyes.reader(), Reader::Operator) && view::is_over(&seen.snapshot.bundle, &seen.snapshot.trade);
    let mut filled = Filled::from(page);
    let mut after = 0;
    loop {
        let told = if whole {
            entries(state, seen, after).await?
        } else {
            moves(state, seen, eyes.reader(), after).await?
        };
        let Some(last) = told.last else {
            return Ok((filled.items, None));
        };
        after = last;
        for item in told.items {
            if !filled.takes(item) {
                let next = filled.next(&seen.instance.id);
                return Ok((filled.items, Some(next)));
            }
        }
    }
}

/// What some rows tell, and the last of them; without one there are no more.
struct Told {
    items: Vec<Json>,
    last: Option<i64>,
}

/// A page while it is filled. Items are counted as this reader sees them, so that a cursor tells nothing about the rest.
struct Filled {
    /// Items that stand before the page.
    before: usize,
    /// How many of them are still to come.
    left_out: usize,
    limit: usize,
    items: Vec<Json>,
}

impl Filled {
    fn from(page: Page) -> Self {
        let before = page
            .after
            .map_or(0, |cursor| usize::try_from(cursor.key).unwrap_or(usize::MAX));
        Self {
            before,
            left_out: before,
            limit: page.limit,
            items: Vec::new(),
        }
    }

    /// False where the page is full.
    fn takes(&mut self, item: Json) -> bool {
        if self.left_out > 0 {
            self.left_out -= 1;
        } else if self.items.len() < self.limit {
            self.items.push(item);
        } else {
            return false;
        }
        true
    }

    fn next(&self, instance: &Name) -> String {
        let key = i64::try_from(self.before + self.items.len()).unwrap_or(i64::MAX);
        let id = instance.to_string();
        Cursor { key, id }.encode()
    }
}

/// Entries in which the instance changed its state: what changed nothing is nobody's business, for it may be somebody else's
/// application or offer, and so is what moved only what the reader may not know of.
async fn moves(state: &AppState, seen: &Seen, reader: Reader<'_>, after: i64) -> Result<Told, Problem> {
    let id = seen.instance.id.clone();
    let rows = state
        .engine
        .read(move |conn| moves_after(conn, &id, after, CHUNK))
        .await?;
    let mut items = Vec::new();
    if let Some(machine) = seen.snapshot.bundle.machines.get(&seen.instance.machine) {
        for row in &rows {
            items.extend(moved(seen, machine, row, reader)?);
        }
    }
    let last = rows.last().map(|row| row.seq);
    Ok(Told { items, last })
}

fn moved(seen: &Seen, machine: &Machine, row: &MoveRow, reader: Reader<'_>) -> Result<Option<Json>, Problem> {
    let transitions = row.transitions().map_err(|error| unreadable(&error))?;
    let known = transitions.iter().map(|taken| {
        let from = known(seen, machine, &taken.from, reader);
        (from, known(seen, machine, &taken.to, reader))
    });
    let moved: Vec<_> = known.filter(|(from, to)| from != to).collect();
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

/// All that concerned the instance, with what was sent: for who runs the platform, of a trade that is over.
async fn entries(state: &AppState, seen: &Seen, after: i64) -> Result<Told, Problem> {
    let trade = seen.snapshot.trade.id.clone();
    let rows = state
        .engine
        .read(move |conn| history_after(conn, &trade, after, CHUNK))
        .await?;
    let mut items = Vec::new();
    for row in &rows {
        items.extend(entry(seen, row)?);
    }
    let last = rows.last().map(|row| row.seq);
    Ok(Told { items, last })
}

fn entry(seen: &Seen, row: &HistoryRow) -> Result<Option<Json>, Problem> {
    let public: PublicPart = serde_json::from_str(&row.public).map_err(|error| unreadable(&error.into()))?;
    let id = &seen.instance.id;
    let concerned = public.instance == *id || public.transitions.iter().any(|taken| taken.instance == *id);
    let private: Option<Json> = row.private.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok(concerned.then(|| {
        json!({"seq": row.seq, "at": row.at, "instance": public.instance, "event": public.event,
            "transitions": public.transitions, "refusal": public.refusal, "private": private, "hash": row.hash})
    }))
}

fn unreadable(error: &StoreError) -> Problem {
    Problem::internal("read a history entry", error)
}
