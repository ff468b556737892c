//! Signed messages of outside systems. Must not know what they are about.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::http::extract::Raw;
use crate::http::hooks::{self, Delivered, Message};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::shared_secret;

/// `POST /api/v1/hooks/{name}`: header `X-Luochui-Signature` as `shared_secret` describes it.
///
/// # Errors
/// `bad_signature`, `invalid_json`, `invalid`, `not_found` for a hook that no workflow declares, or the machine's own no.
pub async fn deliver(
    state: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Raw,
) -> Result<HttpResponse, Problem> {
    let stamp = state.engine.stamp();
    let (timestamp, signature) = signature(&request)?;
    let message = Message {
        hook: &path,
        timestamp,
        signature,
        body: &body.0,
        stamp: &stamp,
    };
    let (matched, receipt) = match hooks::deliver(&state, &message).await? {
        Delivered::Taken(receipt) => (true, receipt),
        Delivered::Unmatched(receipt) => (false, receipt),
    };
    Ok(HttpResponse::Ok().json(json!({"matched": matched, "at": receipt.at})))
}

/// Time and value of the signature header.
///
/// # Errors
/// `bad_signature` for one that is missing or has another form.
pub(super) fn signature(request: &HttpRequest) -> Result<(&str, &str), Problem> {
    let header = request.headers().get(shared_secret::HEADER);
    header
        .and_then(|value| shared_secret::parts(value.to_str().ok()?))
        .ok_or_else(|| Problem::new(Code::BadSignature))
}
