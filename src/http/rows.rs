//! One page of rows, of which a reader may see only some. Must not judge who may see what: the caller's closure does.

use serde_json::Value as Json;

use super::page::{Cursor, Page};
use super::problem::Problem;
use super::state::AppState;
use crate::machine::value::Map;
use crate::store::incident_rows::IncidentRow;
use crate::store::list_rows::{self, After, Filter, ListedRow};

/// Rounds of reading for one page at most; what is hidden from the reader does not fill it.
const MOST_ROUNDS: usize = 50;

/// Rows read in one round.
const ROUND: i64 = 100;

/// A row that pages are made of.
pub trait Row {
    /// Its sort key and id.
    fn place(&self) -> After;
}

impl Row for ListedRow {
    fn place(&self) -> After {
        After {
            key: self.opened_at,
            id: self.id.clone(),
        }
    }
}

impl Row for IncidentRow {
    fn place(&self) -> After {
        After {
            key: self.opened_at,
            id: self.id.clone(),
        }
    }
}

/// The next instances that `present` shows, and the cursor after the last of them.
///
/// # Errors
/// The store's, and those of `present`.
pub async fn instances(
    state: &AppState,
    filter: &Filter,
    page: Page,
    present: impl AsyncFn(&ListedRow) -> Result<Option<Map>, Problem>,
) -> Result<(Vec<Map>, Option<String>), Problem> {
    let read = async |after: Option<After>| {
        let filter = filter.clone();
        let rows = state
            .engine
            .read(move |conn| list_rows::instance_page(conn, &filter, after.as_ref(), ROUND));
        Ok(rows.await?)
    };
    fill(page, read, present).await
}

/// The next incidents that `present` shows, and the cursor after the last of them.
///
/// # Errors
/// The store's, and those of `present`.
pub async fn incidents(
    state: &AppState,
    page: Page,
    present: impl AsyncFn(&IncidentRow) -> Result<Option<Json>, Problem>,
) -> Result<(Vec<Json>, Option<String>), Problem> {
    let read = async |after: Option<After>| {
        let rows = state
            .engine
            .read(move |conn| list_rows::incident_page(conn, after.as_ref(), ROUND));
        Ok(rows.await?)
    };
    fill(page, read, present).await
}

/// Reads on until the page is full. A cursor never names a hidden row.
async fn fill<R: Row, I>(
    page: Page,
    read: impl AsyncFn(Option<After>) -> Result<Vec<R>, Problem>,
    present: impl AsyncFn(&R) -> Result<Option<I>, Problem>,
) -> Result<(Vec<I>, Option<String>), Problem> {
    let mut after = page.after.map(|cursor| After {
        key: cursor.key,
        id: cursor.id,
    });
    let (mut items, mut last) = (Vec::new(), None);
    for _ in 0..MOST_ROUNDS {
        let rows = read(after).await?;
        let Some(end) = rows.last() else {
            return Ok((items, None));
        };
        after = Some(end.place());
        for row in rows {
            let Some(item) = present(&row).await? else {
                continue;
            };
            if items.len() == page.limit {
                return Ok((items, last));
            }
            items.push(item);
            let After { key, id } = row.place();
            last = Some(Cursor { key, id }.encode());
        }
    }
    Ok((items, last))
}
