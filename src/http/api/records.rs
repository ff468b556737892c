//! The record of an instance, and all that a supervisor needs to verify it without the platform.
//! Must not open a record that still runs to anybody whom the definition does not name.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, web};

use crate::engine::checkpoint_of;
use crate::http::caller::Caller;
use crate::http::commands::{self, Seen};
use crate::http::extract;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::Name;
use crate::machine::history::Entry;
use crate::machine::step::{Actor, Cause};
use crate::machine::view;
use crate::record::dossier::{Whole, write, write_seals};
use crate::record::file;
use crate::record::sealed::Kept;
use crate::seal::sm2::PublicKey;
use crate::store::StoreError;
use crate::store::account_rows::party_by_id;
use crate::store::history_rows::{HistoryRow, history_after};
use crate::store::record_rows::{checkpoints_of, record_from};
use crate::store::sealing_rows::{SignatureRow, signatures_of_trade};

/// The type of a file of JSON lines.
const LINES: &str = "application/x-ndjson";

/// `GET /api/v1/instances/{id}/record`: the record as a file, what it is of, its lines, its checkpoints.
///
/// # Errors
/// `not_found`, also for one that the caller may not read yet.
pub async fn show(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let seen = commands::see(&state, &path, &caller.eyes()).await?;
    if !may_read(&seen, &caller) {
        return Err(Problem::new(Code::NotFound));
    }
    let id = seen.instance.id.to_string();
    let (lines, checkpoints) = state
        .engine
        .read(move |conn| Ok((record_from(conn, &id, 0, i64::MAX)?, checkpoints_of(conn, &id)?)))
        .await?;
    if lines.is_empty() {
        return Err(Problem::new(Code::NotFound));
    }
    let checkpoints: Vec<_> = checkpoints.iter().map(checkpoint_of).collect();
    let lines = lines.iter().map(|row| row.line.as_str());
    Ok(HttpResponse::Ok()
        .content_type(LINES)
        .body(file::write(lines, &checkpoints)))
}

/// A record is public once its instance has ended. Before, not even those who run the platform may read it, but whom the
/// definition names.
pub(super) fn may_read(seen: &Seen, caller: &Caller) -> bool {
    let Seen { snapshot, instance } = seen;
    let nobody = Actor::default();
    let actor = caller.0.as_ref().map_or(&nobody, |account| &account.actor);
    instance.done || view::may_read_record(&snapshot.bundle, &snapshot.trade, instance, actor)
}

/// `GET /api/v1/admin/instances/{id}/dossier`: all that is needed to decide the trade again. Only once the instance has ended: it
/// holds what nobody may know before.
///
/// # Errors
/// `not_found`.
pub async fn dossier(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let snapshot = state.engine.trade(&extract::id(&path)?.into()).await?;
    let instance = snapshot.trade.instances.get(path.as_str());
    let instance = instance.filter(|instance| instance.done);
    let instance = instance.ok_or_else(|| Problem::new(Code::NotFound))?.id.clone();
    let calendars = state.engine.calendars();
    let (id, trade) = (instance.to_string(), snapshot.trade.id.to_string());
    let of_trade = trade.clone();
    let (lines, checkpoints, entries) = state
        .engine
        .read(move |conn| {
            let lines = record_from(conn, &id, 0, i64::MAX)?;
            Ok((
                lines,
                checkpoints_of(conn, &id)?,
                history_after(conn, &trade, 0, i64::MAX)?,
            ))
        })
        .await?;
    if lines.is_empty() {
        return Err(Problem::new(Code::NotFound));
    }
    let entries = state
        .blocking(move || {
            let entries = entries
                .iter()
                .map(HistoryRow::entry)
                .collect::<Result<Vec<_>, StoreError>>();
            entries.map_err(|error| Problem::internal("read a history entry", &error))
        })
        .await?;
    let signers = signers(&entries);
    let parties = state
        .engine
        .read(move |conn| {
            let mut parties = BTreeMap::new();
            for id in signers {
                if let Some(party) = party_by_id(conn, &id)? {
                    parties.insert(id, party.code.as_str().into());
                }
            }
            Ok(parties)
        })
        .await?;
    let text = state
        .blocking(move || {
            let name = &snapshot.bundle.calendar;
            Ok(write(Whole {
                instance: &instance,
                files: &snapshot.bundle.files,
                calendar: calendars.0.get(name).map(|calendar| (name, calendar)),
                parties: &parties,
                entries: &entries,
                lines: &lines.into_iter().map(|row| row.line).collect::<Vec<_>>(),
                checkpoints: &checkpoints.iter().map(checkpoint_of).collect::<Vec<_>>(),
            }))
        })
        .await?;
    let seals = seals(&state, of_trade).await?;
    Ok(HttpResponse::Ok().content_type(LINES).body(text + &write_seals(seals)))
}

/// The seals on the trade's documents, with what they were judged with.
async fn seals(state: &AppState, trade: String) -> Result<Vec<Kept>, Problem> {
    let rows = state.engine.read(move |conn| signatures_of_trade(conn, &trade)).await?;
    let kept = |row: SignatureRow| {
        Ok(Kept {
            job: row.job,
            sha256: row.sha256,
            signature: row.signature,
            evidence: serde_json::from_str(&row.evidence)?,
            report: serde_json::from_str(&row.report)?,
        })
    };
    let kept = rows.into_iter().map(kept).collect::<Result<_, serde_json::Error>>();
    kept.map_err(|error| Problem::internal("read a seal", &error))
}

/// The parties for which signed events were sent.
fn signers(entries: &[Entry]) -> BTreeSet<Name> {
    let private = entries.iter().filter_map(|entry| entry.private.as_ref());
    let signed = private.filter(|private| matches!(private.input.cause, Cause::Event { signed: Some(_), .. }));
    signed
        .filter_map(|private| private.context.actor.party.clone())
        .collect()
}

/// `GET /api/v1/platform/key`: the public half of the key that signs for the platform, then those of the keys before it, the
/// latest first.
///
/// # Errors
/// `not_found` where nobody signs.
pub async fn key(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let signer = state.engine.signer().ok_or_else(|| Problem::new(Code::NotFound))?;
    let current = signer.public_key();
    let keys = std::iter::once(&current).chain(signer.former());
    let pem: Result<String, _> = keys.map(PublicKey::to_pem).collect();
    let pem = pem.map_err(|error| Problem::internal("write the platform's key", &error))?;
    Ok(HttpResponse::Ok().content_type("application/x-pem-file").body(pem))
}
