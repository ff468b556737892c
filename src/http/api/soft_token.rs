//! Test keys that a server for development signs with, as a card in a reader would: 测试签章 无法律效力.
//! Must not exist where the configuration says production, and must not sign anything but a challenge or an event.

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::challenges;
use crate::http::extract::{self, Json};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::record::signed;
use crate::seal::mark::TEST_NOTICE;
use crate::sealing::SoftToken;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Whose key, as the list says.
    id: String,
    /// The text of a challenge or of an event.
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct Signature {
    certificate: String,
    signature: String,
    mark: &'static str,
}

/// The test keys.
///
/// # Errors
/// `not_found` in production, and where there are none.
fn keys(state: &AppState) -> Result<SoftToken, Problem> {
    SoftToken::new(&state.config).ok_or_else(|| Problem::new(Code::NotFound))
}

/// `GET /api/v1/soft-token`: the test keys.
///
/// # Errors
/// `not_found` in production.
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let keys = keys(&state)?;
    let found = state.blocking(move || Ok(keys.certificates())).await?;
    let items: Vec<_> = found
        .into_iter()
        .map(|(id, certificate)| {
            let title = format!("{}（{TEST_NOTICE}）", certificate.subject().shown());
            serde_json::json!({"id": id, "title": title})
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "mark": TEST_NOTICE})))
}

/// `POST /api/v1/soft-token/sign`: signs with a test key, nothing but challenges and events.
///
/// # Errors
/// `not_found` in production and for an unknown key, `invalid`.
pub async fn sign(state: web::Data<AppState>, body: Json<Sign>) -> Result<HttpResponse, Problem> {
    let keys = keys(&state)?;
    let Json(Sign { id, text }) = body;
    extract::id(&id)?;
    if !challenges::is_text(&text) && !signed::is_text(&text) {
        return Err(Problem::field("text", "is neither a challenge nor an event"));
    }
    let signed = state.blocking(move || {
        keys.sign(&id, text.as_bytes())
            .map_err(|_| Problem::new(Code::NotFound))
    });
    let answer = signed.await?;
    let base64 = base64::engine::general_purpose::STANDARD;
    Ok(HttpResponse::Ok().json(Signature {
        certificate: base64.encode(answer.certificate),
        signature: base64.encode(answer.signature),
        mark: TEST_NOTICE,
    }))
}
