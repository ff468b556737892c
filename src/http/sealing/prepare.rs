//! Prepares a document for its seal: makes room for the signature, keeps that file, and draws the job up. Must not ask anybody to
//! sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::begin::Plan;
use super::{parse_seal, problem, refused};
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::ids;
use crate::machine::Time;
use crate::performers::files::Files;
use crate::seal::pdf::Edges;
use crate::seal::ses::Seal;
use crate::seal::trust::{Moment, TrustStore};
use crate::sealing::{self, Order, SealPlace};
use crate::store::seal_rows;
use crate::store::sealing_rows::{JobRow, JobState};

/// A file that waits for its signature, and what is signed.
struct Reserved {
    sha256: String,
    /// TBS_Sign, base64.
    to_sign: String,
}

/// The job, which nobody knows of yet.
///
/// # Errors
/// `seal_refused` with the reason, what cannot be prepared, and a failing store.
pub(super) async fn prepare(state: &AppState, plan: &Plan<'_>) -> Result<JobRow, Problem> {
    let place = place(state, plan).await?;
    let edges = if plan.wanted.definition.cross_page {
        Edges::Sealed
    } else {
        Edges::Plain
    };
    let (files, trust, now) = (state.files.clone(), state.trust.current(), state.now());
    let (der, base, title) = (plan.seal.der.clone(), plan.base.clone(), plan.document.title.clone());
    let reserved = state.blocking(move || {
        let seal = sound_seal(&der, &trust, now)?;
        let file = files
            .read(&base)
            .map_err(|error| Problem::internal("read a document", &error))?;
        let order = Order {
            base: &file,
            seal: &seal,
            place: place.as_ref(),
            edges,
            reason: &title,
            at: now,
        };
        reserve(&files, &order)
    });
    job(state, plan, reserved.await?, now)
}

/// Where the rendering lets the role seal.
async fn place(state: &AppState, plan: &Plan<'_>) -> Result<Option<SealPlace>, Problem> {
    let rendering = plan.document.id.clone();
    let imprint = state
        .engine
        .read(move |conn| seal_rows::imprint_get(conn, &rendering))
        .await?;
    let places: Vec<SealPlace> = imprint
        .and_then(|imprint| serde_json::from_str(&imprint.places).ok())
        .unwrap_or_default();
    Ok(places.into_iter().find(|place| place.role == *plan.role))
}

/// The seal, where it and whoever made it are good today.
fn sound_seal(der: &str, trust: &TrustStore, now: Time) -> Result<Seal, Problem> {
    let seal = parse_seal(der)?;
    if let Some(fault) = seal.verify(trust, Moment::present(now)).fault() {
        return Err(refused("seal_refused", &fault.reason));
    }
    match seal.check_maker_today(trust, now) {
        Ok(_) => Ok(seal),
        Err(failure) => Err(refused("seal_refused", failure.code.sentence())),
    }
}

fn reserve(files: &Files, order: &Order<'_>) -> Result<Reserved, Problem> {
    let prepared = sealing::prepare(order).map_err(|fault| problem(&fault))?;
    let stored = files
        .put(&prepared.file)
        .map_err(|error| Problem::internal("keep a prepared document", &error))?;
    Ok(Reserved {
        sha256: stored.sha256,
        to_sign: BASE64.encode(prepared.to_sign),
    })
}

fn job(state: &AppState, plan: &Plan<'_>, reserved: Reserved, now: Time) -> Result<JobRow, Problem> {
    let minutes = i64::from(state.config.sealing.job_minutes);
    Ok(JobRow {
        id: ids::id()?,
        state: JobState::Created.as_str().into(),
        account: plan.account.id.clone(),
        trade: plan.document.trade.clone(),
        instance: plan.document.instance.clone(),
        todo: plan.wanted.todo.id.to_string(),
        document: plan.document.id.clone(),
        document_name: plan.document.name.clone(),
        seal: plan.seal.id.clone(),
        provider: plan.wanted.provider.clone(),
        reference: None,
        address: None,
        base_sha256: plan.base.clone(),
        prepared_sha256: reserved.sha256,
        sealed_sha256: None,
        to_sign: reserved.to_sign,
        certificate: None,
        signature: None,
        fault: None,
        created_at: now.0,
        expires_at: now.plus_millis(minutes * 60_000).0,
        changed_at: now.0,
    })
}
