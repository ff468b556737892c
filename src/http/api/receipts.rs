//! Signed copies of receipts, for whom they are of. Must not tell how many lines a record has while it is closed.

use actix_web::{HttpResponse, web};

use super::records::may_read;
use crate::engine::checkpoint_of;
use crate::http::caller::{Caller, SignedIn};
use crate::http::commands;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::history::PrivatePart;
use crate::machine::step::Actor;
use crate::machine::{Name, Time};
use crate::record::chain::sm3;
use crate::record::{Checkpoint, Receipt, Row, SignerError};
use crate::store::history_rows::{HistoryRow, history_after};
use crate::store::record_rows::{LineRow, checkpoints_of, record_from, record_last};
use crate::store::{Connection, StoreError};

/// Lines read at once while those of one moment are looked through.
const CHUNK: i64 = 200;
/// A checkpoint is in the store by then, even where a signing server was slow: what a copy seals is the same whenever it is asked for.
const SETTLED_MILLIS: i64 = 60_000;

/// `GET /api/v1/instances/{id}/receipts/{line}`: a signed copy of a receipt, for whoever sent the event and those who act for the
/// same party. It is asked for by what the receipt tells of its line, for nothing else of it is known to anybody while the record
/// is closed.
///
/// # Errors
/// `not_found`, `unavailable` where the signing server does not answer.
pub async fn copy(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, line) = path.into_inner();
    let missing = || Problem::new(Code::NotFound);
    let seen = commands::see(&state, &id, &Caller(Some(account.0.clone())).eyes()).await?;
    let wanted = Wanted::parse(&line).ok_or_else(missing)?;
    let id = seen.instance.id.to_string();
    let found = state.engine.read(move |conn| find(conn, &id, &wanted)).await?;
    let Found { row, entry, known } = found.ok_or_else(missing)?;
    let private = entry
        .private
        .as_deref()
        .map(serde_json::from_str::<PrivatePart>)
        .transpose();
    let private = private.map_err(|error| Problem::internal("read a history entry", &error))?;
    if !private.is_some_and(|private| is_same(&private.context.actor, &account.actor)) {
        return Err(missing());
    }
    let parsed = Row::parse(&row.line).map_err(|error| Problem::internal("read a record", &error))?;
    let (number, decided) = (parsed.n, parsed.decided);
    let covered = |known: &&Checkpoint| known.size < number && known.at.plus_millis(SETTLED_MILLIS) <= decided;
    let latest = known.iter().filter(covered).max_by_key(|known| known.size);
    let mut receipt = Receipt::copy(&seen.instance.id, &parsed, &row.line, &entry.public_salt, latest);
    if may_read(&seen, &Caller(None)) {
        receipt.open(number, &entry.public_salt);
    }
    if let Some(signer) = state.engine.signer().cloned() {
        receipt = state
            .blocking(move || {
                let signed = receipt.sign(&*signer);
                signed.map_err(|error| match error {
                    // The receipt can be had later: its line is in the record.
                    SignerError::Server(_) => {
                        tracing::error!(%error, "a receipt was not signed");
                        Problem::new(Code::Unavailable).retry_after(10)
                    }
                    SignerError::Key(_) => Problem::internal("sign a receipt", &error),
                })?;
                Ok(receipt)
            })
            .await?;
    }
    Ok(HttpResponse::Ok().json(receipt))
}

/// A line as a receipt names it: when it was decided, and its SM3.
struct Wanted {
    decided: Time,
    sm3: Name,
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let (decided, sm3) = text.split_once('-')?;
        let is_digest = sm3.len() == 64 && sm3.bytes().all(|byte| byte.is_ascii_hexdigit());
        let decided = Time(decided.parse().ok()?);
        is_digest.then(|| Self {
            decided,
            sm3: sm3.into(),
        })
    }
}

/// A line with its history entry and the record's checkpoints.
struct Found {
    row: LineRow,
    entry: HistoryRow,
    known: Vec<Checkpoint>,
}

fn find(conn: &mut Connection, id: &str, wanted: &Wanted) -> Result<Option<Found>, StoreError> {
    let Some(row) = line(conn, id, wanted)? else {
        return Ok(None);
    };
    let entry = history_after(conn, &row.trade, row.seq - 1, 1)?.into_iter().next();
    let known = checkpoints_of(conn, id)?.iter().map(checkpoint_of).collect();
    Ok(entry.map(|entry| Found { row, entry, known }))
}

/// Lines are numbered in the order of their times: the first of the moment is found by halving, without an index of its own.
fn line(conn: &mut Connection, id: &str, wanted: &Wanted) -> Result<Option<LineRow>, StoreError> {
    let decided = |row: &LineRow| Row::parse(&row.line).map_or(Time(i64::MAX), |row| row.decided);
    let Some(last) = record_last(conn, id)? else {
        return Ok(None);
    };
    let (mut low, mut high) = (1, last.number + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = record_from(conn, id, middle, 1)?.into_iter().next();
        if row.is_some_and(|row| decided(&row) < wanted.decided) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    loop {
        let rows = record_from(conn, id, low, CHUNK)?;
        let Some(end) = rows.last().map(|row| (row.number, decided(row))) else {
            return Ok(None);
        };
        let mut then = rows.into_iter().take_while(|row| decided(row) == wanted.decided);
        if let Some(row) = then.find(|row| sm3(row.line.as_bytes()) == wanted.sm3) {
            return Ok(Some(row));
        }
        if end.1 != wanted.decided {
            return Ok(None);
        }
        low = end.0 + 1;
    }
}

/// True for the same party, and for the same account where it acts for none.
fn is_same(sender: &Actor, reader: &Actor) -> bool {
    match &sender.party {
        Some(party) => reader.party.as_ref() == Some(party),
        None => sender.account == reader.account,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_for_the_party_and_else_for_the_account() {
        let actor = |account: &str, party: Option<&str>| Actor {
            account: account.into(),
            party: party.map(Name::from),
            ..Actor::default()
        };
        let firm = actor("ann", Some("firm"));
        assert!(is_same(&firm, &actor("bob", Some("firm"))));
        assert!(!is_same(&firm, &actor("ann", Some("other"))));
        assert!(!is_same(&firm, &actor("ann", None)));
        let staff = actor("clerk", None);
        assert!(is_same(&staff, &staff));
        assert!(!is_same(&staff, &actor("head", None)));
        assert!(!is_same(&staff, &actor("head", Some("clerk"))));
    }
}
