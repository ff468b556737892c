//! Reads bodies, paths and queries strictly: what is not expected is refused, never ignored.
//! Must not know what a request means.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::{CONTENT_TYPE, IF_MATCH};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::guard::SentKey;
use super::problem::{Code, Problem};
use super::state::AppState;
use super::strict;
use crate::engine::{IdempotencyKey, Stamp};

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// A JSON body of a known shape.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pending<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload);
        let kind = content_type(request);
        Box::pin(async move {
            let bytes = bytes.await?;
            Ok(Self(parse(&kind, &bytes)?))
        })
    }
}

/// A command: its body, and its key with the digest of what it asks for.
pub struct Command<T> {
    pub body: T,
    pub key: IdempotencyKey,
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = Problem;
    type Future = Pending<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let (body, key) = keyed(&request, &bytes.await?)?;
            Ok(Self { body, key })
        })
    }
}

/// The whole of a request that a deadline waits for, with the moment of its last byte: one who sends the head before a
/// deadline and the body after it gains nothing.
pub struct Arrived {
    bytes: Result<web::Bytes, Problem>,
    stamp: Option<Stamp>,
}

impl Arrived {
    /// Reads the body, whoever sends it, and stamps it. One that cannot be read is told only to those who may call at all.
    pub async fn read(request: &mut ServiceRequest) -> Self {
        let (request, payload) = request.parts_mut();
        let bytes = bytes(request, payload).await;
        let stamp = request
            .app_data::<web::Data<AppState>>()
            .map(|state| state.engine.stamp());
        Self { bytes, stamp }
    }
}

/// A command that a deadline waits for: hold the stamp until it is submitted.
pub struct Timed<T> {
    pub body: T,
    pub key: IdempotencyKey,
    pub stamp: Stamp,
}

impl<T: DeserializeOwned + 'static> FromRequest for Timed<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let arrived = request.extensions_mut().remove::<Arrived>();
        let command = arrived.ok_or_else(|| Problem::new(Code::Internal)).and_then(|arrived| {
            let (body, key) = keyed(request, &arrived.bytes?)?;
            let stamp = arrived.stamp.ok_or_else(|| Problem::new(Code::Internal))?;
            Ok(Self { body, key, stamp })
        });
        std::future::ready(command)
    }
}

fn keyed<T: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<(T, IdempotencyKey), Problem> {
    let body = parse(&content_type(request), bytes)?;
    let key = request.extensions().get::<SentKey>().cloned();
    let SentKey(key) = key.ok_or_else(|| Problem::new(Code::KeyRequired))?;
    let line = format!("{} {}\n", request.method(), request.path());
    let digest = Sha256::new().chain_update(line).chain_update(bytes).finalize();
    let body_sha256 = hex::encode(digest);
    Ok((body, IdempotencyKey { key, body_sha256 }))
}

/// A body without fields.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// The raw body, for what is signed as bytes.
pub struct Raw(pub web::Bytes);

impl FromRequest for Raw {
    type Error = Problem;
    type Future = Pending<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload);
        Box::pin(async move { Ok(Self(bytes.await?)) })
    }
}

/// A query, each name once.
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Takes a parameter out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// # Errors
    /// Parameters that nobody took.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(Problem::new(Code::BadRequest).detail(format!("the query parameter `{name}` is not known")))
            }
        }
    }

    /// What nobody took: filters by field.
    pub fn rest(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(query(request.query_string()))
    }
}

fn query(text: &str) -> Result<Query, Problem> {
    let wrong = |why: &str| Problem::new(Code::BadRequest).detail(why);
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| wrong("the query cannot be read"))?;
    let mut map = BTreeMap::new();
    for (name, value) in pairs.into_inner() {
        if value.contains('\0') || name.contains('\0') || value.contains('\u{fffd}') {
            return Err(wrong("the query holds characters that are not accepted"));
        }
        if map.insert(name.clone(), value).is_some() {
            return Err(wrong(&format!("the query parameter `{name}` stands twice")));
        }
    }
    Ok(Query(map))
}

/// The version that an edit is made on, from `If-Match`.
///
/// # Errors
/// `precondition_required` without one; `precondition_failed` for one that was not made here.
pub fn if_match(request: &HttpRequest) -> Result<i64, Problem> {
    let header = request
        .headers()
        .get(IF_MATCH)
        .ok_or_else(|| Problem::new(Code::PreconditionRequired))?;
    let stale = || Problem::new(Code::PreconditionFailed);
    let text = header.to_str().map_err(|_| stale())?.trim();
    let version = text
        .strip_prefix("\"v")
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(stale)?;
    version.parse().map_err(|_| stale())
}

/// How a version is written in `ETag`.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// An id as it may stand in a path: what was never issued is not looked up.
///
/// # Errors
/// `not_found`, as for one that does not exist.
pub fn id(text: &str) -> Result<&str, Problem> {
    let sound = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sound {
        Ok(text)
    } else {
        Err(Problem::new(Code::NotFound))
    }
}

fn content_type(request: &HttpRequest) -> String {
    let header = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    header.unwrap_or_default().to_ascii_lowercase()
}

fn bytes(request: &HttpRequest, payload: &mut Payload) -> Pending<web::Bytes> {
    let state = request.app_data::<web::Data<AppState>>();
    let limit = state.map_or(0, |state| state.config.limits.body_bytes);
    let payload = web::Payload::from_request(request, payload);
    Box::pin(async move {
        let wrong = |_| Problem::new(Code::BadRequest).detail("the body cannot be read");
        let payload = payload.await.map_err(|_| Problem::new(Code::BadRequest))?;
        let read = payload
            .to_bytes_limited(limit)
            .await
            .map_err(|_| Problem::new(Code::TooLarge))?;
        read.map_err(wrong)
    })
}

/// An empty body stands for no content, so that an act without fields needs none.
fn parse<T: DeserializeOwned>(kind: &str, bytes: &[u8]) -> Result<T, Problem> {
    let wrong = |why: String| Problem::new(Code::InvalidJson).detail(why);
    let bytes = if bytes.is_empty() { b"{}".as_slice() } else { bytes };
    let media = kind.split(';').next().unwrap_or_default().trim();
    let charset = kind
        .split(';')
        .skip(1)
        .find_map(|part| part.trim().strip_prefix("charset="));
    let json = media == "application/json" || (media.is_empty() && bytes == b"{}");
    if !json || charset.is_some_and(|charset| charset.trim_matches('"') != "utf-8") {
        return Err(Problem::new(Code::UnsupportedMedia).detail("send application/json in UTF-8"));
    }
    strict::parse(bytes).map_err(wrong)?;
    serde_json::from_slice(bytes).map_err(|error| {
        // Sound JSON of the wrong shape is content that is not valid; the sentence names the field.
        Problem::new(Code::Invalid).detail(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_whole_or_not_at_all() {
        let mut good = query("limit=5&category=%E5%80%BA%E6%9D%83").unwrap();
        assert_eq!(good.take("limit").as_deref(), Some("5"));
        assert_eq!(good.take("category").as_deref(), Some("债权"));
        assert!(good.finish().is_ok());
        assert!(query("a=1&a=2").is_err());
        assert!(query("a=%00").is_err());
        assert!(query("a=%ff").is_err());
        assert!(query("b=1").unwrap().finish().is_err());
    }

    #[test]
    fn ids_are_letters_and_digits() {
        assert!(id("01ARZ3NDEKTSV4RRFFQ69G5FAV").is_ok());
        for text in ["", "../x", "a b", "a\r\n", "é", &"A".repeat(65)] {
            assert_eq!(id(text).unwrap_err().status, 404);
        }
    }
}
