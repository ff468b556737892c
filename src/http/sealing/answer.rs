//! Takes the holder's answer: has it judged, keeps the sealed file with what proves it, and goes on to the to-do.
//! Must not judge by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::finish::finish;
use super::{fail, parse_seal, problem, refused};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::Time;
use crate::performers::files::Stored;
use crate::seal::trust::Kind;
use crate::sealing::{self, Answer, Judged, TestKeys, Waiting};
use crate::store::seal_rows::{self, SealRow};
use crate::store::sealing_rows::{self, JobRow, JobState, SignatureRow};

/// Takes the holder's answer: judges it, keeps the sealed file, and completes the to-do.
///
/// # Errors
/// `job_over`, what the judgement found, and the machine's own no.
pub async fn accept(state: &AppState, job: JobRow, answer: Answer) -> Result<JobRow, Problem> {
    if job.is(JobState::Signed) {
        // The answer came before and its outcome may have been lost on the way.
        return finish(state, &job.id).await;
    }
    if job.is(JobState::Verified) {
        return Ok(job);
    }
    if !job.is(JobState::AwaitingSignature) {
        return Err(refused("job_over", "本次签章已结束，请重新发起"));
    }
    let now = state.now();
    if now.0 >= job.expires_at {
        let id = job.id.clone();
        let step = (JobState::AwaitingSignature, JobState::Expired);
        let over = move |conn: &mut _| sealing_rows::job_move(conn, &id, step, Some("job_over"), now.0);
        state.engine.write("sealing job expired", over).await?;
        return Err(refused("job_over", "本次签章已超时，请重新发起"));
    }
    let seal_id = job.seal.clone();
    let seal = state
        .engine
        .read(move |conn| seal_rows::seal_get(conn, &seal_id))
        .await?
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    if seal.withdrawn_at.is_some() {
        fail(state, &job, JobState::AwaitingSignature, "seal_withdrawn").await?;
        return Err(refused(
            "seal_withdrawn",
            "该印章已停用或已换领，请用现行印章重新发起签章",
        ));
    }
    let value = BASE64.encode(&answer.signature);
    let (judged, stored) = judge(state, &job, &seal, answer).await?;
    let row = signature_row(&job, &seal, judged, &stored, state.now())?;
    let kept = state.engine.write("seal a document", move |conn| {
        sealing_rows::job_sign(conn, &row, &value)
    });
    // Where another answer was faster, its file is the one that counts; where its time was, none does.
    let ours = kept.await?;
    let done = finish(state, &job.id).await?;
    if !ours && !done.is(JobState::Verified) {
        return Err(refused("job_over", "本次签章已结束，请重新发起"));
    }
    Ok(done)
}

/// Judges the answer and keeps the sealed file, which nothing names yet.
async fn judge(state: &AppState, job: &JobRow, seal: &SealRow, answer: Answer) -> Result<(Judged, Stored), Problem> {
    let (files, trust, now) = (state.files.clone(), state.trust.current(), state.now());
    let (job, seal, app) = (job.clone(), seal.clone(), state.clone());
    state
        .blocking(move || {
            let parsed = parse_seal(&seal.der)?;
            let kind = Kind::parse(&seal.owner_kind).ok_or_else(|| Problem::new(Code::Internal))?;
            let to_sign = BASE64
                .decode(&job.to_sign)
                .map_err(|error| Problem::internal("read a sealing job", &error))?;
            let file = files
                .read(&job.prepared_sha256)
                .map_err(|error| Problem::internal("read a prepared document", &error))?;
            let waiting = Waiting {
                file,
                to_sign: &to_sign,
                seal: &parsed,
                owner: (kind, &seal.owner),
                tests: TestKeys::of(app.config.environment),
            };
            let stamper = app.sealers.stamper.as_ref();
            let judged = sealing::judge(&trust, stamper, waiting, &answer, now).map_err(|fault| {
                tracing::warn!(code = fault.code, job.id, "a seal was refused");
                problem(&fault)
            })?;
            let stored = files
                .put(&judged.file)
                .map_err(|error| Problem::internal("keep a sealed document", &error))?;
            Ok((judged, stored))
        })
        .await
}

fn signature_row(
    job: &JobRow,
    seal: &SealRow,
    judged: Judged,
    stored: &Stored,
    now: Time,
) -> Result<SignatureRow, Problem> {
    let failed = |error: serde_json::Error| Problem::internal("encode a report", &error);
    Ok(SignatureRow {
        job: job.id.clone(),
        document: job.document.clone(),
        base_sha256: job.base_sha256.clone(),
        sha256: stored.sha256.clone(),
        sm3: judged.report.sm3.clone(),
        bytes: i64::try_from(stored.bytes).unwrap_or(i64::MAX),
        es_id: seal.es_id.clone(),
        subject_kind: judged.subject.kind.as_str().into(),
        subject: judged.subject.code,
        subject_name: judged.subject.name,
        certificate_sha256: judged.certificate.sha256(),
        certificate: BASE64.encode(judged.certificate.der()),
        signature: BASE64.encode(&judged.signature),
        time_source: judged.time.as_str().into(),
        report: serde_json::to_string(&judged.report).map_err(failed)?,
        evidence: serde_json::to_string(&judged.evidence).map_err(failed)?,
        signed_at: now.0,
        verified_at: now.0,
    })
}
