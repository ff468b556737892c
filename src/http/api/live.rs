//! The live view of an instance that publishes: where it stands, and a stream of what it publishes from then on.
//! Public and the same for all: a token changes nothing, and an instance that the public may not see has none.

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::commands;
use crate::http::extract::Query;
use crate::http::middleware::address;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::value::Map;
use crate::machine::{Name, Time};

/// Where an instance stands: all that it published, taken together. The stream's event `snapshot` is the same.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    /// How many events it has published; 0 before the first.
    number: i64,
    /// When the last was decided, in milliseconds since 1970 UTC; null before the first.
    #[schema(value_type = Option<i64>)]
    at: Option<Time>,
    /// The server's time.
    #[schema(value_type = i64)]
    now: Time,
    /// What the machine publishes. A room: `phase` (`waiting`, `inquiry`, `free`, `timed`, `sealed`, `priority`, `suspended`, `reopening`, `sold`,
    /// `unsold`, `annulled`, `terminated`), `opens`, `ends`, `stop`, `price`, `leader`, `bids`, `mark`; `frozen` where it stands still.
    #[schema(value_type = Object)]
    data: Map,
}

/// `GET /api/v1/instances/{id}/live`, for a room also `GET /api/v1/auctions/{id}`: where it stands.
///
/// # Errors
/// `not_found` for one that the public may not see or that never publishes.
pub async fn show(state: web::Data<AppState>, path: web::Path<String>, query: Query) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let instance = public(&state, &path).await?;
    let latest = state.live.latest(&instance).await?;
    Ok(HttpResponse::Ok().json(Standing {
        number: latest.number,
        at: (latest.number > 0).then_some(Time(latest.at)),
        now: state.now(),
        data: latest.data.clone(),
    }))
}

/// `GET /api/v1/instances/{id}/live/stream`, for a room also `GET /api/v1/auctions/{id}/stream`: what it publishes from now on,
/// or from after the number in `Last-Event-ID`, or else in `after`.
///
/// # Errors
/// `not_found` as above, `bad_request` for a number that cannot be one, `too_many_requests`, `overloaded`.
pub async fn stream(
    state: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<String>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let after = query.take("after");
    query.finish()?;
    let seen = match (seen(&request)?, after) {
        // A browser that connects again by itself asks with the address it began with: its header is newer.
        (None, Some(after)) => number(&after)?,
        (seen, _) => seen,
    };
    let instance = public(&state, &path).await?;
    let stream = state.live.watch(&instance, address(&request), seen).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // Proxies must not collect what is to be seen at once.
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(stream))
}

async fn public(state: &AppState, id: &str) -> Result<Name, Problem> {
    let seen = commands::see(state, id, &Caller(None).eyes()).await?;
    let machine = seen.snapshot.bundle.machines.get(&seen.instance.machine);
    if machine.is_some_and(|machine| machine.publishes()) {
        Ok(seen.instance.id.clone())
    } else {
        Err(Problem::new(Code::NotFound))
    }
}

/// The number that a watcher saw last. Browsers send back what they were sent, so anything else is somebody else's fault.
fn seen(request: &HttpRequest) -> Result<Option<i64>, Problem> {
    let mut values = request.headers().get_all("Last-Event-ID");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => number(value.to_str().map_err(|_| wrong())?),
        (Some(_), Some(_)) => Err(wrong()),
    }
}

/// An empty one is what a browser holds that has seen no event yet.
fn number(text: &str) -> Result<Option<i64>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Some).ok_or_else(wrong)
}

fn wrong() -> Problem {
    Problem::new(Code::BadRequest).detail("Last-Event-ID and `after` are the number of an event of this stream")
}
