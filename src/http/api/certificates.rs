//! Signing in with a certificate: challenges, answers, a phone's answer for a browser, and trying out a key.
//! Must not know how a certificate is judged.

use actix_web::http::header::ORIGIN;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Signed;
use crate::http::caller::SignedIn;
use crate::http::certificates::{self, Answered, Collected, Held, Opening};
use crate::http::challenges::{self, BY_PHONE, Purpose};
use crate::http::extract::{self, Json};
use crate::http::key_test;
use crate::http::middleware::address;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::performers::qr;
use crate::seal::mark::TEST_NOTICE;
use crate::store::challenge_rows;

/// The largest signature, in characters of base64: DER has 72 bytes.
const MAX_SIGNATURE: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    purpose: Purpose,
    /// With the purpose `event`: the event's text, which a phone is to sign.
    #[serde(default)]
    text: Option<String>,
}

/// A text to sign, as it is, with SM2 and SM3 under the identifier 1234567812345678.
#[derive(Serialize, ToSchema)]
pub struct Challenge {
    id: String,
    text: String,
    /// Milliseconds since 1970.
    expires: i64,
    /// Shown on both screens while a phone answers.
    check: String,
    /// For the answer, and for `collect` when a phone answers; only in the answer to who asked for the challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The challenge's id.
    challenge: String,
    /// What came with the challenge: only who drew it may answer it.
    secret: String,
    /// The signing certificate: base64 of DER, or PEM.
    certificate: String,
    /// Base64 of the DER signature over the text.
    signature: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneAnswer {
    certificate: String,
    signature: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    challenge: String,
    certificate: String,
    signature: String,
    /// The seal (.esl), base64.
    #[serde(default)]
    seal: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Entered {
    #[serde(flatten)]
    signed: Signed,
    /// Whether the account was there, was opened now, or has only now been proven.
    account: Opening,
    /// The name in the certificate.
    name: String,
    /// `person` or `organisation`
    kind: String,
    /// Milliseconds since 1970: when the certificate ends.
    certificate_until: i64,
    /// Made for tests; never in production.
    test: bool,
    /// What is shown beside the name then: 测试签章 无法律效力
    mark: Option<&'static str>,
}

fn origin(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let header = request.headers().get(ORIGIN);
    header
        .map(|value| value.to_str().map_err(|_| Problem::new(Code::BadRequest)))
        .transpose()
}

fn answered(challenge: String, certificate: String, signature: &str) -> Result<Answered, Problem> {
    extract::id(&challenge)?;
    if signature.len() > MAX_SIGNATURE {
        return Err(Problem::field("signature", "is too long"));
    }
    let signature = base64::engine::general_purpose::STANDARD
        .decode(signature.trim())
        .map_err(|_| Problem::field("signature", "is not base64"))?;
    Ok(Answered {
        challenge,
        held: Held {
            certificate: certificate.into_bytes(),
            signature,
        },
    })
}

/// `POST /api/v1/auth/challenges`: draws a text to be signed.
///
/// # Errors
/// `invalid`, `forbidden` for a page of another origin, `too_many_requests`.
pub async fn challenge(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Json<Ask>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Json(Ask { purpose, text }) = body;
    let drawn = challenges::draw(&state, purpose, text, origin(&request)?).await?;
    Ok(HttpResponse::Created().json(Challenge {
        check: challenges::check_digits(&drawn.row),
        id: drawn.row.id,
        text: drawn.row.text,
        expires: drawn.row.expires_at,
        secret: Some(drawn.secret),
    }))
}

/// `GET /api/v1/auth/challenges/{id}`: what a phone reads after it has scanned the code.
///
/// # Errors
/// `not_found` for what is no id, `challenge_refused`.
pub async fn show(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let row = challenges::find(&state, extract::id(&path)?, BY_PHONE, None).await?;
    Ok(HttpResponse::Ok().json(Challenge {
        check: challenges::check_digits(&row),
        id: row.id,
        text: row.text,
        expires: row.expires_at,
        secret: None,
    }))
}

/// `GET /api/v1/auth/challenges/{id}/code`: the code that a phone scans, the address of the challenge.
///
/// # Errors
/// `not_found` for what is no id, `challenge_refused`.
pub async fn code(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let row = challenges::find(&state, extract::id(&path)?, BY_PHONE, None).await?;
    let address = format!("{}/api/v1/auth/challenges/{}", row.origin, row.id);
    let picture = qr::picture(&address);
    let picture = picture.ok_or_else(|| Problem::internal("draw a code", &"the address is too long"))?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(picture))
}

/// `POST /api/v1/auth/certificate`: signs in, and opens the account where there is none.
///
/// # Errors
/// `invalid`, `challenge_refused`, `bad_signature`, `certificate_refused`, `identity_unavailable`, `too_many_requests`.
pub async fn sign_in(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Json<Answer>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Json(Answer {
        challenge,
        secret,
        certificate,
        signature,
    }) = body;
    let answer = answered(challenge, certificate, &signature)?;
    let entered = certificates::sign_in(&state, answer, &secret, origin(&request)?).await?;
    Ok(HttpResponse::Ok().json(Entered {
        signed: Signed::from(entered.issued),
        account: entered.opening,
        name: entered.subject.name,
        kind: entered.subject.kind.as_str().to_owned(),
        certificate_until: entered.subject.not_after.0,
        test: entered.subject.test,
        mark: entered.subject.test.then_some(TEST_NOTICE),
    }))
}

/// `POST /api/v1/auth/challenges/{id}/answer`: a phone's signature, for a browser to collect.
///
/// # Errors
/// `invalid`, `challenge_refused`, `bad_signature`, `certificate_refused`, `identity_unavailable`, `too_many_requests`.
pub async fn answer(
    state: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Json<PhoneAnswer>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Json(PhoneAnswer { certificate, signature }) = body;
    let answer = answered(path.into_inner(), certificate, &signature)?;
    certificates::answer(&state, answer).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/auth/challenges/{id}/collect`: 200 once the phone has answered, with tokens, or with what it has signed of an
/// event; 202 until then.
///
/// # Errors
/// `not_found` for what is no id, `challenge_refused`.
pub async fn collect(
    state: web::Data<AppState>,
    path: web::Path<String>,
    body: Json<Collect>,
) -> Result<HttpResponse, Problem> {
    let collected = certificates::collect(&state, extract::id(&path)?, &body.0.secret).await?;
    Ok(match collected {
        Some(Collected::Session(issued)) => HttpResponse::Ok().json(Signed::from(issued)),
        Some(Collected::Signature(certificate, signature)) => {
            HttpResponse::Ok().json(serde_json::json!({"certificate": certificate, "signature": signature}))
        }
        None => HttpResponse::Accepted().json(serde_json::json!({"waiting": true})),
    })
}

/// `POST /api/v1/auth/certificate/test`: tries a certificate and a seal out, step by step, and signs nobody in.
///
/// # Errors
/// `challenge_refused`, `invalid`, `too_many_requests`.
pub async fn test(state: web::Data<AppState>, request: HttpRequest, body: Json<Test>) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Json(Test {
        challenge,
        certificate,
        signature,
        seal,
    }) = body;
    let answer = answered(challenge, certificate, &signature)?;
    let seal = seal
        .map(|seal| base64::engine::general_purpose::STANDARD.decode(seal.trim()))
        .transpose()
        .map_err(|_| Problem::field("seal", "is not base64"))?;
    let report = key_test::run(&state, answer, seal, origin(&request)?).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"status": report.status(), "steps": report.steps})))
}

/// `GET /api/v1/me/certificates`: those that one's own account has signed in with.
///
/// # Errors
/// A failing store.
pub async fn mine(state: web::Data<AppState>, account: SignedIn) -> Result<HttpResponse, Problem> {
    let id = account.id.clone();
    let rows = state
        .engine
        .read(move |conn| challenge_rows::certificates_of(conn, &id))
        .await?;
    let items: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({"sha256": row.sha256, "authority": row.authority, "serial": row.serial,
                "test": row.test, "mark": row.test.then_some(TEST_NOTICE),
                "not_after": row.not_after, "first_used_at": row.first_used_at, "last_used_at": row.last_used_at})
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items})))
}
