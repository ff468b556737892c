//! Whether the process lives, is ready, and how it does. Must not tell anything about trades or people.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::middleware::address;
use crate::http::problem::{Code, Problem};
use crate::http::readiness;
use crate::http::state::AppState;
use crate::machine::Value;
use crate::telemetry;

/// `GET /healthz`
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"alive": true}))
}

/// `GET /api/v1/time`, for countdowns: a client's own clock may be wrong.
pub async fn time(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"now": state.now()}))
}

/// `GET /readyz`
///
/// # Errors
/// `unavailable`, with what is missing.
pub async fn ready(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let missing = readiness::missing(&state).await;
    if missing.is_empty() {
        return Ok(HttpResponse::Ok().json(serde_json::json!({"ready": true})));
    }
    let missing = missing.into_iter().map(Value::from).collect();
    Err(Problem::new(Code::Unavailable).member("missing", Value::List(missing)))
}

/// `GET /metrics`, for a scraper on this machine, and for no account: counts of requests tell how many have applied, paid and
/// offered. What a proxy passes on is not from this machine.
///
/// # Errors
/// `forbidden` from elsewhere.
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let here = address(&request).is_loopback() && !request.headers().contains_key("X-Forwarded-For");
    if !here {
        return Err(Problem::new(Code::Forbidden));
    }
    let handle = telemetry::metrics().map_err(|error| Problem::internal("install the metrics", &error))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(handle.render()))
}
