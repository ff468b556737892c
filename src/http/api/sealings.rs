//! Seals and sealing jobs: bringing a seal in, the seals of one's own, sealing the document of a to-do, answers.
//! Must not judge.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{hooks as received, todos};
use crate::http::caller::SignedIn;
use crate::http::extract::{self, Command, Json as Body, Raw};
use crate::http::middleware::address;
use crate::http::problem::{Code, Problem};
use crate::http::sealing::{self, Wanted};
use crate::http::state::AppState;
use crate::http::{hooks, seals};
use crate::sealing::Answer;
use crate::store::sealing_rows::{JobRow, JobState};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The seal (SESeal, .esl), base64.
    seal: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// One of one's own seals.
    seal: String,
    /// How to sign: `client`, `sharing` or `soft`, where it is offered.
    provider: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The signing certificate: base64 of DER, or PEM.
    certificate: String,
    /// Base64 of the DER signature over `to_sign`.
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callback {
    job: String,
    reference: String,
    certificate: String,
    signature: String,
}

/// The largest signature, in characters of base64: DER has 72 bytes.
const MAX_SIGNATURE: usize = 200;

fn answer(certificate: String, signature: &str) -> Result<Answer, Problem> {
    if signature.len() > MAX_SIGNATURE {
        return Err(Problem::field("signature", "is too long"));
    }
    let signature = BASE64.decode(signature.trim());
    Ok(Answer {
        certificate: certificate.into_bytes(),
        signature: signature.map_err(|_| Problem::field("signature", "is not base64"))?,
    })
}

/// `POST /api/v1/seals`: brings a seal in.
///
/// # Errors
/// `invalid`, and what `seals::bring_in` finds.
pub async fn import(
    state: web::Data<AppState>,
    account: SignedIn,
    command: Command<Import>,
) -> Result<HttpResponse, Problem> {
    let der = BASE64.decode(command.body.seal.trim());
    let der = der.map_err(|_| Problem::field("seal", "is not base64"))?;
    let row = seals::bring_in(&state, &account, der).await?;
    Ok(HttpResponse::Created().json(seals::present(&row)))
}

/// `GET /api/v1/seals`: one's own seals, and the ways to sign.
///
/// # Errors
/// A failing store.
pub async fn list(state: web::Data<AppState>, account: SignedIn) -> Result<HttpResponse, Problem> {
    let rows = seals::own(&state, &account.actor).await?;
    let items: Vec<_> = rows.iter().map(seals::present).collect();
    let providers = state.sealers.offered();
    let providers: Vec<_> = providers
        .map(|(name, title)| json!({"name": name, "title": title}))
        .collect();
    Ok(HttpResponse::Ok().json(json!({"items": items, "providers": providers})))
}

/// `POST /api/v1/seals/{id}/withdraw`: the seal is used no more.
///
/// # Errors
/// `not_found`.
pub async fn withdraw(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    command: Command<extract::Empty>,
) -> Result<HttpResponse, Problem> {
    let id = extract::id(&path)?.to_owned();
    seals::withdraw(&state, &account, command.key, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/todos/{id}/sealing`: begins to seal the to-do's document.
///
/// # Errors
/// `not_found`, `invalid`, `not_rendered`, and what `sealing::begin` refuses.
pub async fn begin(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    command: Command<Begin>,
) -> Result<HttpResponse, Problem> {
    let mine = todos::find(&state, &account, &path).await?;
    let definition = mine.definition()?;
    extract::id(&command.body.seal)?;
    let wanted = Wanted {
        seen: &mine.seen,
        todo: &mine.todo,
        definition,
        seal: command.body.seal,
        provider: command.body.provider,
    };
    let begun = sealing::begin(&state, &account, &wanted).await?;
    Ok(HttpResponse::Created().json(present(&begun)))
}

/// `GET /api/v1/sealings/{job}`: one's own job.
///
/// # Errors
/// `not_found`.
pub async fn show(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(present(&own(&state, &account, &path).await?)))
}

/// `POST /api/v1/sealings/{job}`: the holder's signature.
///
/// # Errors
/// `not_found`, `invalid`, and what `sealing::accept` refuses.
pub async fn sign(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    body: Body<Signed>,
) -> Result<HttpResponse, Problem> {
    let job = own(&state, &account, &path).await?;
    let Body(Signed { certificate, signature }) = body;
    let done = sealing::accept(&state, job, answer(certificate, &signature)?).await?;
    Ok(HttpResponse::Ok().json(present(&done)))
}

async fn own(state: &AppState, account: &SignedIn, id: &str) -> Result<JobRow, Problem> {
    let job = sealing::find(state, id).await?;
    (job.account == account.id)
        .then_some(job)
        .ok_or_else(|| Problem::new(Code::NotFound))
}

/// `POST /api/v1/sealings/callback`: the sharing platform's answer, signed as webhooks are. A repeated one gets the same and
/// changes nothing.
///
/// # Errors
/// `bad_signature`, `invalid`, `not_found`, `unavailable` before the question is noted, and what `sealing::accept` refuses.
pub async fn callback(state: web::Data<AppState>, request: HttpRequest, body: Raw) -> Result<HttpResponse, Problem> {
    let wrong = || Problem::new(Code::BadSignature);
    let sharing = &state.config.sealing.sharing;
    let from = address(&request).to_string();
    if sharing.secret.len() < 32 || !sharing.allow.contains(&from) {
        tracing::warn!(
            from,
            "an answer to a sealing job came from an address that is not allowed"
        );
        return Err(wrong());
    }
    hooks::check_signature(&state, &sharing.secret, received::signature(&request)?, &body.0)?;
    let Callback {
        job,
        reference,
        certificate,
        signature,
    } = serde_json::from_slice(&body.0).map_err(|error| Problem::new(Code::Invalid).detail(error.to_string()))?;
    let job = sealing::find(&state, &job).await?;
    // The platform may answer before its own answer to the question has been noted.
    if job.provider == "sharing" && job.is(JobState::Created) {
        return Err(Problem::new(Code::Unavailable).retry_after(1));
    }
    if job.provider != "sharing" || job.reference.as_deref() != Some(reference.as_str()) {
        return Err(Problem::new(Code::NotFound));
    }
    let done = sealing::accept(&state, job, answer(certificate, &signature)?).await?;
    Ok(HttpResponse::Ok().json(json!({"state": done.state})))
}

fn present(job: &JobRow) -> Json {
    json!({
        "id": job.id, "state": job.state, "document": job.document_name, "provider": job.provider,
        "to_sign": job.to_sign, "base_sha256": job.base_sha256, "sealed_sha256": job.sealed_sha256,
        "fault": job.fault, "expires": job.expires_at,
        // What a phone opens, as long as it may.
        "address": job.address.as_ref().filter(|_| job.is(JobState::AwaitingSignature)),
    })
}
