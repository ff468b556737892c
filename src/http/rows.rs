//! One page of instance rows, of which a reader may see only some. Must not judge who may see what: the caller's closure does.

use super::page::{Cursor, Page};
use super::problem::Problem;
use super::state::AppState;
use crate::machine::value::Map;
use crate::store::list_rows::{self, After, Filter, ListedRow};

/// Rounds of reading for one page at most; what is hidden from the reader does not fill it.
const MOST_ROUNDS: usize = 50;

/// Rows read in one round.
const ROUND: i64 = 100;

/// The next items that `present` shows, and the cursor after the last of them. A cursor never names a hidden row.
///
/// # Errors
/// The store's, and those of `present`.
pub async fn fill(
    state: &AppState,
    filter: &Filter,
    page: Page,
    present: impl AsyncFn(&ListedRow) -> Result<Option<Map>, Problem>,
) -> Result<(Vec<Map>, Option<String>), Problem> {
    let mut after = page.after.map(|cursor| After {
        key: cursor.key,
        id: cursor.id,
    });
    let (mut items, mut last) = (Vec::new(), None);
    for _ in 0..MOST_ROUNDS {
        let (asked, from) = (filter.clone(), after.clone());
        let rows = state
            .engine
            .read(move |conn| list_rows::instance_page(conn, &asked, from.as_ref(), ROUND))
            .await?;
        let Some(end) = rows.last() else {
            return Ok((items, None));
        };
        after = Some(After {
            key: end.opened_at,
            id: end.id.clone(),
        });
        for row in rows {
            let Some(item) = present(&row).await? else {
                continue;
            };
            if items.len() == page.limit {
                return Ok((items, last));
            }
            items.push(item);
            let cursor = Cursor {
                key: row.opened_at,
                id: row.id,
            };
            last = Some(cursor.encode());
        }
    }
    Ok((items, last))
}
