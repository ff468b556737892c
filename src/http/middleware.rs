//! Around every request: an id, the log line, the measured time, security headers, and the text of problems.
//! Must not log what a person sent: no paths with their content, no addresses, no bodies.

use std::net::IpAddr;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

use super::pages::Drawn;
use super::problem::{Code, Language, Problem};
use super::state::AppState;
use crate::ids;

/// Pages may show only what this server sends; the documentation's own scripts and styles lie beside it. They may ask this
/// machine's own ports, where the middleware of a CA listens.
const PAGE_POLICY: &str = "default-src 'self'; connect-src 'self' http://127.0.0.1:* https://127.0.0.1:* ws://127.0.0.1:* wss://127.0.0.1:*; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The outermost layer.
///
/// # Errors
/// None of its own.
pub async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = ids::id().unwrap_or_default();
    let language = language(request.headers());
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let method = request.method().as_str().to_owned();
    let response = next.call(request).await?.map_into_boxed_body();
    let mut response = tell(response, language, &id);
    dress(response.headers_mut(), &id);
    observe(&response, &route, &method, &id, started);
    Ok(response)
}

/// Writes the problem's body; an error that is none of ours becomes one, so that nothing answers text/plain.
fn tell(response: ServiceResponse<BoxBody>, language: Language, id: &str) -> ServiceResponse<BoxBody> {
    let problem = response.response().extensions().get::<Problem>().cloned();
    let status = response.status();
    let drawn = response.response().extensions().get::<Drawn>().is_some();
    let problem = match problem {
        _ if drawn => return response,
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => foreign(status.as_u16()),
        None => return response,
    };
    let body = problem.body(language, id);
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    *response.response_mut().status_mut() = actix_web::ResponseError::status_code(&problem);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(if language == Language::Chinese { "zh-CN" } else { "en" }),
    );
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn foreign(status: u16) -> Problem {
    match status {
        404 => Problem::new(Code::NotFound),
        405 => Problem::new(Code::MethodNotAllowed),
        413 => Problem::new(Code::TooLarge),
        415 => Problem::new(Code::UnsupportedMedia),
        500..=599 => Problem::new(Code::Internal),
        _ => Problem::new(Code::BadRequest),
    }
}

fn dress(headers: &mut HeaderMap, id: &str) {
    let page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.to_str().unwrap_or_default();
        ["text/html", "text/css", "text/javascript", "application/javascript"]
            .iter()
            .any(|page| kind.starts_with(page))
    });
    let policy = if page { PAGE_POLICY } else { DATA_POLICY };
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

fn observe(response: &ServiceResponse<BoxBody>, route: &str, method: &str, id: &str, started: Instant) {
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    let labels = [
        ("route", route.to_owned()),
        ("method", method.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::histogram!("luochui_http_request_seconds", &labels).record(seconds);
    let instance = response
        .request()
        .match_info()
        .get("id")
        .filter(|_| route.contains("/instances/"));
    tracing::info!(
        request.id = id,
        http.route = route,
        http.method = method,
        http.status = status,
        instance.id = instance.filter(|id| super::extract::id(id).is_ok()),
        elapsed_ms = started.elapsed().as_millis(),
        "answered"
    );
}

fn language(headers: &HeaderMap) -> Language {
    let header = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    Language::negotiate(header.unwrap_or_default())
}

/// Where a request comes from: the peer, or what the trusted proxy says of it.
#[must_use]
pub fn address(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
    let state = request.app_data::<web::Data<AppState>>();
    let trusted = state.and_then(|state| state.config.http.trusted_proxy.parse::<IpAddr>().ok());
    if trusted != Some(peer) {
        return peer;
    }
    let forwarded = request
        .headers()
        .get("X-Forwarded-For")
        .and_then(|value| value.to_str().ok());
    // The last address is the one that our own proxy saw; all before it were typed by others.
    let last = forwarded.and_then(|text| text.rsplit(',').next());
    last.and_then(|text| text.trim().parse().ok()).unwrap_or(peer)
}
