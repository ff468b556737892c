//! Verification for everybody: an upload is judged anew, step by step, and kept nowhere. Must not say of anything that it is
//! valid without having its bytes.

use actix_multipart::Multipart;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::files::{Part, single};
use crate::http::extract::{self, Query};
use crate::http::middleware::address;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::Time;
use crate::seal::document::DocumentReport;
use crate::seal::file;
use crate::seal::report::Report;
use crate::store::{document_rows, seal_rows, sealing_rows};

/// Uploads that are in memory at a time; others are told to come back.
static HOUSE: Semaphore = Semaphore::const_new(8);
/// Two verifications at a time: whoever trades must not feel them, and one long file must not close the desk. Each ends
/// by itself, since its work is bounded (`seal::work`).
static DESK: Semaphore = Semaphore::const_new(2);

/// The report, and what the platform's own records say.
#[derive(Serialize)]
struct Verified {
    #[serde(flatten)]
    report: DocumentReport,
    platform: Report,
}

/// `POST /api/v1/verify`: with `?document=` and `?h=` from a paper's code, the upload is also compared with that paper.
///
/// # Errors
/// `bad_request`, `too_large`, `not_found` for what is no id, `too_many_requests`, `unavailable` where too many wait.
pub async fn verify(
    state: web::Data<AppState>,
    request: HttpRequest,
    mut query: Query,
    parts: Multipart,
) -> Result<HttpResponse, Problem> {
    let (document, shown) = (query.take("document"), query.take("h"));
    query.finish()?;
    state.limits.verification(address(&request))?;
    let document = document.map(|id| extract::id(&id).map(str::to_owned)).transpose()?;
    let busy = |_| Problem::new(Code::Unavailable).retry_after(5);
    let _place = HOUSE.try_acquire().map_err(busy)?;
    let Part { content, .. } = single(parts, state.config.limits.upload_bytes).await?;
    let (trust, at) = (state.trust.current(), state.now());
    let _turn = DESK.acquire().await.map_err(|_| Problem::new(Code::Unavailable))?;
    let judge = move || {
        let sha256 = hex::encode(Sha256::digest(&content));
        Ok((file::verify(&content, &trust, at), sha256))
    };
    let (report, sha256) = state.blocking(judge).await?;
    let file = sha256.clone();
    let recorded = state
        .engine
        .read(move |conn| sealing_rows::signature_of_file(conn, &file))
        .await?;
    let report = match recorded {
        Some(row) => report.recorded_by_the_platform(Time(row.signed_at)),
        None => report,
    };
    let platform = match document {
        Some(id) => compare(&state, id, shown, sha256).await?,
        None => Report::default(),
    };
    Ok(HttpResponse::Ok().json(Verified { report, platform }))
}

/// Whether this is the paper that the platform keeps. Says nothing of a paper to those who do not have its bytes.
async fn compare(state: &AppState, id: String, shown: Option<String>, sha256: String) -> Result<Report, Problem> {
    let found = state.engine.read(move |conn| {
        let row = document_rows::document_get(conn, &id)?;
        let imprint = seal_rows::imprint_get(conn, &id)?;
        let signed = sealing_rows::signatures_of(conn, &id)?;
        Ok((row, imprint, signed))
    });
    let (row, imprint, signed) = found.await?;
    let mut report = Report::default();
    let current = row.and_then(|row| row.sha256).is_some_and(|kept| kept == sha256);
    let earlier = signed
        .iter()
        .any(|one| one.sha256 == sha256 || one.base_sha256 == sha256);
    match (current, earlier) {
        (true, _) => report.ok("platform.copy", "与平台保存的现行文书逐字节一致"),
        (false, true) => report.warn(
            "platform.copy",
            "earlier",
            "与平台保存的该文书此前的版本一致，此后又有签章",
        ),
        (false, false) => report.warn("platform.copy", "differs", "不是平台以此编号保存的文书"),
    }
    if let (Some(shown), true) = (shown, current || earlier) {
        let same = imprint.is_some_and(|imprint| shown.len() >= 16 && imprint.content_sm3.starts_with(&shown));
        match same {
            true => report.ok("platform.code", "二维码中的校验值与文书内容一致"),
            false => report.warn("platform.code", "differs", "二维码中的校验值与文书内容不一致"),
        }
    }
    Ok(report)
}
