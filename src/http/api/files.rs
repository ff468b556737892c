//! Uploads: kept as they are, told by content, open to who uploaded them and to who may read a field that holds them.
//! What a file says of itself (author, place of a photo) stays in it: signatures and originals must not be altered.

use actix_multipart::Multipart;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::engine::IdempotencyKey;
use crate::http::attachments;
use crate::http::caller::{Account, Caller, SignedIn};
use crate::http::commands;
use crate::http::extract::{self, Query};
use crate::http::guard::SentKey;
use crate::http::once::once;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::http::upload::{disposition, media_type, safe_name};
use crate::ids;
use crate::store::upload_rows::{self, FileRow};

/// An account's uploads of a day, in bytes: fifty of the largest files.
const DAILY: usize = 50;
const DAY: i64 = 86_400_000;

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    id: String,
    name: String,
    media_type: String,
    bytes: i64,
    sha256: String,
}

impl From<FileRow> for Uploaded {
    fn from(row: FileRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            media_type: row.media_type,
            bytes: row.bytes,
            sha256: row.sha256,
        }
    }
}

/// The file of an upload, as the client calls it.
pub(super) struct Part {
    pub name: String,
    pub content: web::Bytes,
}

/// `POST /api/v1/files`
///
/// # Errors
/// `bad_request`, `too_large`, `unsupported_media_type`, `too_many_requests`, `idempotency_key_reused`.
pub async fn upload(
    state: web::Data<AppState>,
    request: HttpRequest,
    account: SignedIn,
    parts: Multipart,
) -> Result<HttpResponse, Problem> {
    let sent = request.extensions().get::<SentKey>().cloned();
    let sent = sent.ok_or_else(|| Problem::new(Code::KeyRequired))?;
    let part = single(parts, state.config.limits.upload_bytes).await?;
    let row = keep(&state, &account, &part).await?;
    let key = IdempotencyKey {
        key: sent.0,
        body_sha256: digest(&part.name, &row.sha256),
    };
    let run = move |conn: &mut _| {
        upload_rows::file_insert(conn, &row)?;
        Ok(Ok(Uploaded::from(row)))
    };
    let uploaded = once(&state, &account.id, key, "upload", run).await?;
    Ok(HttpResponse::Created().json(uploaded))
}

/// Keeps the content, and tells the row that is to name it.
async fn keep(state: &AppState, account: &Account, part: &Part) -> Result<FileRow, Problem> {
    let kind = media_type(&part.content)?;
    let bytes = i64::try_from(part.content.len()).unwrap_or(i64::MAX);
    let now = state.now().0;
    check_daily(state, account, bytes, now).await?;
    let (files, content) = (state.files.clone(), part.content.clone());
    let stored = state.blocking(move || {
        files
            .put(&content)
            .map_err(|error| Problem::internal("keep a file", &error))
    });
    Ok(FileRow {
        id: ids::id()?,
        sha256: stored.await?.sha256,
        name: safe_name(&part.name),
        media_type: kind.to_owned(),
        bytes,
        uploader: account.id.clone(),
        created_at: now,
    })
}

/// That the account stays below its share of a day with these bytes as well.
async fn check_daily(state: &AppState, account: &Account, bytes: i64, now: i64) -> Result<(), Problem> {
    let uploader = account.id.clone();
    let used = state
        .engine
        .read(move |conn| upload_rows::file_bytes_since(conn, &uploader, now - DAY))
        .await?;
    let daily = i64::try_from(state.config.limits.upload_bytes.saturating_mul(DAILY)).unwrap_or(i64::MAX);
    if used.saturating_add(bytes) > daily {
        return Err(Problem::new(Code::TooManyRequests)
            .detail("too much uploaded today")
            .retry_after(3_600));
    }
    Ok(())
}

/// By which a repetition is told from another upload under the same key.
fn digest(name: &str, sha256: &str) -> String {
    let digest = Sha256::new()
        .chain_update("POST /api/v1/files\n")
        .chain_update(name)
        .chain_update("\n");
    hex::encode(digest.chain_update(sha256).finalize())
}

/// The one part `file`. Others are refused rather than skipped, so that nobody sends a thousand.
pub(super) async fn single(mut parts: Multipart, limit: usize) -> Result<Part, Problem> {
    let broken = |_| Problem::new(Code::BadRequest).detail("send multipart/form-data with one part `file`");
    let first = parts.next().await.ok_or_else(|| broken(()))?;
    let mut field = first.map_err(|_| broken(()))?;
    if field.name() != Some("file") {
        return Err(broken(()));
    }
    let name = field
        .content_disposition()
        .and_then(|disposition| disposition.get_filename())
        .unwrap_or_default()
        .to_owned();
    let content = field.bytes(limit).await.map_err(|_| Problem::new(Code::TooLarge))?;
    let content = content.map_err(|_| broken(()))?;
    drop(field);
    match parts.next().await {
        None => Ok(Part { name, content }),
        Some(_) => Err(broken(())),
    }
}

/// `GET /api/v1/files/{id}`: `?instance=` names the instance through which somebody else's file is read.
///
/// # Errors
/// `not_found`.
pub async fn download(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let through = query.take("instance");
    query.finish()?;
    let id = extract::id(&path)?.to_owned();
    let wanted = id.clone();
    let row = state
        .engine
        .read(move |conn| upload_rows::file_by_id(conn, &wanted))
        .await?;
    let row = row.ok_or_else(|| Problem::new(Code::NotFound))?;
    let own = caller.0.as_ref().is_some_and(|account| account.id == row.uploader);
    if !own {
        let instance = through.ok_or_else(|| Problem::new(Code::NotFound))?;
        let eyes = caller.eyes();
        let seen = commands::see(&state, &instance, &eyes).await?;
        if !attachments::shows(&seen, eyes.reader(), &id) {
            return Err(Problem::new(Code::NotFound));
        }
    }
    serve(&state, row.sha256, &row.media_type, &row.name).await
}

/// A stored content as a download that a browser does not run.
///
/// # Errors
/// A content that is lost or damaged.
pub async fn serve(state: &AppState, sha256: String, media_type: &str, name: &str) -> Result<HttpResponse, Problem> {
    let files = state.files.clone();
    let content = state.blocking(move || {
        files
            .read(&sha256)
            .map_err(|error| Problem::internal("read a file", &error))
    });
    let content = content.await?;
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CONTENT_DISPOSITION, disposition(name)))
        .body(content))
}
