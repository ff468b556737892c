//! Commands that are no events of a trade: done once per key, in one transaction with the key's row.
//! Must not be used for events: the engine keeps their keys itself.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use super::state::AppState;
use crate::engine::IdempotencyKey;
use crate::store::idempotency_rows::{self, KeyRow};
use crate::store::{Connection, StoreError};

/// What a command came to: its answer, or a lawful no that wrote nothing.
pub type Outcome<T> = Result<T, Problem>;

enum Settled {
    Answer(String),
    Reused,
    No(Box<Problem>),
}

/// Runs a command unless its key was answered before; then gives the first answer again.
/// A command that says no must not have written.
///
/// # Errors
/// `idempotency_key_reused`, the command's own no, `conflict` where another was faster to take what is unique, or a failing store.
pub async fn once<T>(
    state: &AppState,
    actor: &str,
    key: IdempotencyKey,
    label: &'static str,
    run: impl FnOnce(&mut Connection) -> Result<Outcome<T>, StoreError> + Send + 'static,
) -> Result<T, Problem>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    let (actor, at) = (actor.to_owned(), state.now().0);
    let work = move |conn: &mut Connection| {
        if let Some(row) = idempotency_rows::key_find(conn, &actor, &key.key)? {
            let same = row.body_sha256 == key.body_sha256;
            return Ok(if same {
                Settled::Answer(row.receipt)
            } else {
                Settled::Reused
            });
        }
        let answer = match run(conn)? {
            Ok(answer) => serde_json::to_string(&answer)?,
            Err(problem) => return Ok(Settled::No(Box::new(problem))),
        };
        let row = KeyRow {
            actor,
            key: key.key,
            body_sha256: key.body_sha256,
            receipt: answer.clone(),
            at,
        };
        idempotency_rows::key_insert(conn, &row)?;
        Ok(Settled::Answer(answer))
    };
    match state.engine.write(label, work).await? {
        Settled::Answer(text) => {
            serde_json::from_str(&text).map_err(|error| Problem::internal("read an earlier answer", &error))
        }
        Settled::Reused => Err(Problem::new(Code::KeyReused)),
        Settled::No(problem) => Err(*problem),
    }
}
