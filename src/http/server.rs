//! Builds the server from the list of routes and runs it on a listener. Must not decide what a route does.

use std::any::Any;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, ResponseError, web};
use socket2::SockRef;

use super::middleware::finish;
use super::problem::{Code, Problem};
use super::route::configure;
use super::routes;
use super::state::AppState;

/// A client that sends its headers slower than this is let go (slow loris).
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that are being answered when the server is told to stop.
const SHUTDOWN_SECONDS: u64 = 10;

/// Starts to serve on a listener that is bound already; the server ends when its handle says so.
///
/// # Errors
/// The listener cannot be used.
pub fn start(state: AppState, listener: TcpListener) -> std::io::Result<Server> {
    let workers = state.config.http.workers.max(1);
    let stalled = Duration::from_secs(u64::from(state.config.limits.stalled_seconds));
    let data = web::Data::new(state);
    let server = HttpServer::new(move || {
        let paths = web::PathConfig::default().error_handler(|_, _| Problem::new(Code::NotFound).into());
        App::new()
            .app_data(data.clone())
            .app_data(paths)
            .configure(|config| configure(routes::all(), config))
            .default_service(web::to(|| {
                std::future::ready(Problem::new(Code::NotFound).error_response())
            }))
            .wrap(from_fn(finish))
    });
    Ok(server
        .workers(workers)
        .client_request_timeout(HEADER_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        // An event of a live stream is small and must not wait for the next; who hung up gives back its place at once.
        .tcp_nodelay(true)
        .on_connect(move |io, _| let_go_when_stalled(io, stalled))
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// A reader that takes nothing for so long is let go by the system: we cannot tell it, and it must not keep its place for ever.
fn let_go_when_stalled(io: &dyn Any, stalled: Duration) {
    if let Some(stream) = io.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(stalled))
    {
        tracing::warn!(%error, "stalled readers will not be let go");
    }
}

/// Serves until the process or the future's owner stops it.
///
/// # Errors
/// The listener cannot be used, or the server fails.
pub async fn serve(state: AppState, listener: TcpListener) -> std::io::Result<()> {
    start(state, listener)?.await
}
