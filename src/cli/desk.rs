//! A small HTTP service in the foreground for development, where a real institution is not at hand: bytes posted, bytes answered.
//! Must not know what it serves.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::Failure;

/// The largest request that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// What came.
pub struct Posted<'a> {
    request: &'a HttpRequest,
    pub body: &'a [u8],
}

impl Posted<'_> {
    /// The header of this name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }
}

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Answers every POST at an address until the process is told to end. Says `what` it serves, with the port that it got.
pub fn serve(
    what: &str,
    listen: &str,
    answer: impl Fn(&Posted<'_>) -> Reply + Send + Sync + 'static,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure(format!("failed to serve {what} at {listen}: {error}"));
    let listener = TcpListener::bind(listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let answer: Arc<dyn Fn(&Posted<'_>) -> Reply + Send + Sync> = Arc::new(answer);
    let served = move || {
        let answer = Arc::clone(&answer);
        App::new()
            .app_data(web::PayloadConfig::new(LARGEST))
            .default_service(web::post().to(move |request: HttpRequest, body: web::Bytes| {
                let posted = Posted {
                    request: &request,
                    body: &body,
                };
                let Reply {
                    status,
                    content_type,
                    body,
                } = answer(&posted);
                let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
                std::future::ready(HttpResponse::build(status).content_type(content_type).body(body))
            }))
    };
    println!("serving {what} at http://{address}/");
    actix_web::rt::System::new()
        .block_on(async move { HttpServer::new(served).workers(1).listen(listener)?.run().await })
        .map_err(failed)
}
