//! Signed messages of outside systems. Must not know what they are about.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::http::extract::Raw;
use crate::http::hooks::{self, Delivered, Message};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;

/// Headers `Luochui-Timestamp` (milliseconds since 1970) and `Luochui-Signature` (HMAC-SHA256 over `timestamp.body`, hex).
pub async fn deliver(
    state: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Raw,
) -> Result<HttpResponse, Problem> {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| Problem::new(Code::BadSignature))
    };
    let message = Message {
        hook: &path,
        timestamp: header("Luochui-Timestamp")?,
        signature: header("Luochui-Signature")?,
        body: &body.0,
    };
    let (matched, receipt) = match hooks::deliver(&state, &message).await? {
        Delivered::Taken(receipt) => (true, receipt),
        Delivered::Unmatched(receipt) => (false, receipt),
    };
    Ok(HttpResponse::Ok().json(json!({"matched": matched, "at": receipt.at})))
}
