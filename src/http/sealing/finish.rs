//! Completes the to-do of a document that was sealed, at once or after a crash. Must not seal.

use std::time::Duration;

use super::{fail, find};
use crate::engine::{IdempotencyKey, Request, Submission};
use crate::http::caller::Account;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::step::{Act, Actor, Answer as Outcome, Cause, Sealed};
use crate::machine::trade::TodoId;
use crate::machine::value::Map;
use crate::store::account_rows;
use crate::store::sealing_rows::{self, JobRow, JobState, SignatureRow};
use crate::store::upload_rows;

/// How often jobs that a crash has left are looked for, and how long they are left to whoever works on them.
const LOOK: Duration = Duration::from_secs(5);
const LEFT_MILLIS: i64 = 10_000;
const MOST_AT_ONCE: i64 = 20;

/// The outcome of a to-do by which a document is signed.
const SIGNED: &str = "signed";

/// Offers the verified seal to the trade and closes the job. Whoever repeats it gets the same.
pub(super) async fn finish(state: &AppState, id: &str) -> Result<JobRow, Problem> {
    let mut job = find(state, id).await?;
    if !job.is(JobState::Signed) {
        return Ok(job);
    }
    let key = job.id.clone();
    let row = state
        .engine
        .read(move |conn| sealing_rows::signature_get(conn, &key))
        .await?;
    let signature = row.ok_or_else(|| Problem::new(Code::Internal))?;
    let stamp = state.engine.stamp();
    let submission = Submission {
        actor: actor(state, &job).await?,
        key: Some(IdempotencyKey {
            key: format!("seal-{}", job.id),
            body_sha256: signature.sha256.clone(),
        }),
        ingress: stamp.at(),
        request: Request::Offer {
            instance: job.instance.as_str().into(),
            cause: completion(&job, &signature),
        },
    };
    let receipt = state.engine.submit(submission).await?;
    if let Outcome::Refused(refusal) = &receipt.answer {
        fail(state, &job, JobState::Signed, "not_taken").await?;
        return Err(Problem::refused(refusal));
    }
    Problem::check(&receipt.answer)?;
    let (done, bytes, now) = (job.clone(), signature.bytes, state.now());
    let close = move |conn: &mut _| {
        sealing_rows::job_finish(conn, &done, bytes, now.0)?;
        upload_rows::draft_delete(conn, &done.todo)
    };
    state.engine.write("sealing job done", close).await?;
    job.state = JobState::Verified.as_str().into();
    Ok(job)
}

async fn actor(state: &AppState, job: &JobRow) -> Result<Actor, Problem> {
    let id = job.account.clone();
    let found = state.engine.read(move |conn| {
        let row = account_rows::account_by_id(conn, &id)?;
        row.map(|row| Ok((account_rows::post_list(conn, &row.id)?, row)))
            .transpose()
    });
    let (posts, row) = found.await?.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Account::of(&row, posts).actor)
}

fn completion(job: &JobRow, signature: &SignatureRow) -> Cause {
    let sealed = Sealed {
        job: job.id.as_str().into(),
        document: job.document_name.as_str().into(),
        base: signature.base_sha256.as_str().into(),
        sha256: signature.sha256.as_str().into(),
        sm3: signature.sm3.as_str().into(),
        subject: signature.subject.as_str().into(),
        certificate_sha256: signature.certificate_sha256.as_str().into(),
        seal: signature.es_id.as_str().into(),
    };
    Cause::Todo {
        todo: TodoId::from(job.todo.as_str()),
        act: Act::Complete {
            outcome: SIGNED.into(),
            payload: Map::new(),
            sealed: Some(Box::new(sealed)),
        },
    }
}

/// Ends the jobs that nobody has signed in time.
///
/// # Errors
/// A failing store.
pub async fn sweep(state: &AppState) -> Result<(), Problem> {
    let now = state.now().0;
    let over = move |conn: &mut _| sealing_rows::jobs_expire(conn, "job_over", now);
    let ended = state.engine.write("sealing jobs expired", over).await?;
    if ended > 0 {
        tracing::info!(ended, "sealing jobs ended without a signature");
    }
    Ok(())
}

/// Ends what was not signed in time, and completes what a crash has left between the seal and the to-do, until its task is ended.
pub async fn keep(state: AppState) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(problem) = sweep(&state).await {
            tracing::error!(code = problem.code, "failed to end sealing jobs");
        }
        let before = state.now().plus_millis(-LEFT_MILLIS).0;
        let left = state
            .engine
            .read(move |conn| sealing_rows::jobs_left(conn, JobState::Signed, before, MOST_AT_ONCE));
        let jobs = match left.await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "failed to look for sealing jobs");
                continue;
            }
        };
        for job in jobs {
            match finish(&state, &job.id).await {
                Ok(_) => tracing::info!(job.id, "a sealing job was completed after an interruption"),
                Err(problem) => tracing::error!(job.id, code = problem.code, "a sealing job could not be completed"),
            }
        }
    }
}
