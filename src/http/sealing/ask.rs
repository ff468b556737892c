//! Asks whoever signs, and notes what they said. Must not judge what comes back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::begin::Plan;
use super::{accept, fail, problem};
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::machine::Time;
use crate::sealing::{Asked, Fault, Provider, Request};
use crate::store::sealing_rows::{self, JobRow, JobState};

/// Keeps the job before anybody is asked to sign for it, so that an answer finds it. A provider that signs at once ends it at once.
///
/// # Errors
/// The provider's no, and what is found of a signature that came at once.
pub(super) async fn ask(
    state: &AppState,
    provider: &Arc<dyn Provider>,
    job: JobRow,
    plan: &Plan<'_>,
) -> Result<JobRow, Problem> {
    let row = job.clone();
    state
        .engine
        .write("sealing job", move |conn| sealing_rows::job_insert(conn, &row))
        .await?;
    let (told, signed) = match put(state, provider, &job, plan).await? {
        Ok(Asked::Waiting { reference, address }) => ((reference, address), None),
        Ok(Asked::Signed(answer)) => ((None, None), Some(answer)),
        Err(fault) => {
            fail(state, &job, JobState::Created, fault.code).await?;
            return Err(problem(&fault));
        }
    };
    let job = taken_over(state, job, told).await?;
    match signed {
        Some(answer) => accept(state, job, answer).await,
        None => Ok(job),
    }
}

/// Puts the question to the provider, who may be at the other end of a network.
async fn put(
    state: &AppState,
    provider: &Arc<dyn Provider>,
    job: &JobRow,
    plan: &Plan<'_>,
) -> Result<Result<Asked, Fault>, Problem> {
    let (provider, job, title) = (Arc::clone(provider), job.clone(), plan.document.title.clone());
    let (owner, es_id) = (plan.seal.owner.clone(), plan.seal.es_id.clone());
    let here = state.config.public_url();
    let callback = format!("{}/api/v1/sealings/callback", here.trim_end_matches('/'));
    let asking = move || {
        let to_sign = BASE64
            .decode(&job.to_sign)
            .map_err(|error| Problem::internal("read a sealing job", &error))?;
        Ok(provider.ask(&Request {
            job: &job.id,
            to_sign: &to_sign,
            seal: &es_id,
            owner: &owner,
            title: &title,
            expires: Time(job.expires_at),
            callback: &callback,
        }))
    };
    state.blocking(asking).await
}

/// Notes that the provider has taken the job over, and under which reference and address.
async fn taken_over(
    state: &AppState,
    job: JobRow,
    (reference, address): (Option<String>, Option<String>),
) -> Result<JobRow, Problem> {
    let job = JobRow {
        state: JobState::AwaitingSignature.as_str().into(),
        reference,
        address,
        ..job
    };
    let (row, now) = (job.clone(), state.now());
    let await_signature = move |conn: &mut _| {
        let told = (row.reference.as_deref(), row.address.as_deref());
        sealing_rows::job_await(conn, &row.id, told, now.0)
    };
    state.engine.write("sealing job asked", await_signature).await?;
    Ok(job)
}
