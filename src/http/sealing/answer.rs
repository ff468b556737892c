//! Takes the holder's answer: has it judged, keeps the sealed file with what proves it, and goes on to the to-do.
//! Must not judge by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::finish::finish;
use super::{parse_seal, problem, refused};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::seal::trust::Kind;
use crate::sealing::{self, Answer, Judged, Waiting};
use crate::store::seal_rows;
use crate::store::sealing_rows::{self, JobRow, SignatureRow};

/// Takes the holder's answer: judges it, keeps the sealed file, and completes the to-do.
///
/// # Errors
/// `job_over`, what the judgement found, and the machine's own no.
pub async fn accept(state: &AppState, job: JobRow, answer: Answer) -> Result<JobRow, Problem> {
    match job.state.as_str() {
        "awaiting_signature" => {}
        // The answer came before and its outcome may have been lost on the way.
        "signed" => return finish(state, &job.id).await,
        "verified" => return Ok(job),
        _ => return Err(refused("job_over", "本次签章已结束，请重新发起")),
    }
    let now = state.now();
    if now.0 >= job.expires_at {
        let id = job.id.clone();
        let over = move |conn: &mut _| {
            sealing_rows::job_move(conn, &id, ("awaiting_signature", "expired"), Some("job_over"), now.0)
        };
        state.engine.write("sealing job expired", over).await?;
        return Err(refused("job_over", "本次签章已超时，请重新发起"));
    }
    let judged = judge(state, &job, answer.clone()).await?;
    let (row, value) = (
        signature_row(state, &job, judged).await?,
        BASE64.encode(&answer.signature),
    );
    let kept = state.engine.write("seal a document", move |conn| {
        sealing_rows::job_sign(conn, &row, &value)
    });
    // Where another answer was faster, its file is the one that counts.
    kept.await?;
    finish(state, &job.id).await
}

async fn judge(state: &AppState, job: &JobRow, answer: Answer) -> Result<Judged, Problem> {
    let seal_id = job.seal.clone();
    let seal = state
        .engine
        .read(move |conn| seal_rows::seal_get(conn, &seal_id))
        .await?;
    let seal = seal.ok_or_else(|| Problem::new(Code::NotFound))?;
    let (files, trust, now) = (state.files.clone(), state.trust.current(), state.now());
    let (job, sealers) = (job.clone(), state.clone());
    state
        .blocking(move || {
            let parsed = parse_seal(&seal.der)?;
            let kind = if seal.owner_kind == Kind::Person.as_str() {
                Kind::Person
            } else {
                Kind::Organisation
            };
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
            };
            let stamper = sealers.sealers.stamper.as_ref();
            sealing::judge(&trust, stamper, waiting, &answer, now).map_err(|fault| {
                tracing::warn!(code = fault.code, job.id, "a seal was refused");
                problem(&fault)
            })
        })
        .await
}

async fn signature_row(state: &AppState, job: &JobRow, judged: Judged) -> Result<SignatureRow, Problem> {
    let files = state.files.clone();
    let keep = move || {
        let stored = files
            .put(&judged.file)
            .map_err(|error| Problem::internal("keep a sealed document", &error))?;
        Ok((judged, stored))
    };
    let (judged, stored) = state.blocking(keep).await?;
    let evidence: Vec<_> = judged
        .evidence
        .iter()
        .map(|list| serde_json::json!({"list": BASE64.encode(&list.list), "this_update": list.this_update.0}))
        .collect();
    let seal_id = job.seal.clone();
    let seal = state
        .engine
        .read(move |conn| seal_rows::seal_get(conn, &seal_id))
        .await?;
    let seal = seal.ok_or_else(|| Problem::new(Code::NotFound))?;
    let failed = |error: serde_json::Error| Problem::internal("encode a report", &error);
    Ok(SignatureRow {
        job: job.id.clone(),
        document: job.document.clone(),
        base_sha256: job.base_sha256.clone(),
        sha256: stored.sha256,
        sm3: hex::encode(crate::seal::sm3(&judged.file)),
        bytes: i64::try_from(stored.bytes).unwrap_or(i64::MAX),
        es_id: seal.es_id,
        subject_kind: judged.subject.kind.as_str().into(),
        subject: judged.subject.code.clone(),
        subject_name: judged.subject.name.clone(),
        certificate_sha256: judged.certificate.sha256(),
        certificate: BASE64.encode(judged.certificate.der()),
        signature: BASE64.encode(&judged.signature),
        time_source: judged.time.as_str().into(),
        report: serde_json::to_string(&judged.report).map_err(failed)?,
        evidence: serde_json::to_string(&evidence).map_err(failed)?,
        signed_at: state.now().0,
        verified_at: state.now().0,
    })
}
