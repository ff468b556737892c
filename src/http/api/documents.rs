//! Rendered documents: which there are of an instance, and their PDFs. Must not render.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::files;
use crate::http::caller::Caller;
use crate::http::commands::{self, Seen};
use crate::http::extract;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::http::upload::disposition;
use crate::machine::view::{self, Reader};
use crate::sealing::evidence::{Kept, archive};
use crate::store::document_rows::{self, DocumentRow};
use crate::store::sealing_rows::{self, SignatureRow};

/// `GET /api/v1/instances/{id}/documents`: those that are rendered and that the caller may read.
///
/// # Errors
/// `not_found`.
pub async fn list(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let eyes = caller.eyes();
    let seen = commands::see(&state, &path, &eyes).await?;
    let id = seen.instance.id.to_string();
    let rows = state
        .engine
        .read(move |conn| document_rows::documents_of_instance(conn, &id))
        .await?;
    let rows = rows
        .iter()
        .filter(|row| row.sha256.is_some() && readable(&seen, row, eyes.reader()));
    let items: Vec<_> = rows.map(present).collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

/// `GET /api/v1/documents/{id}`
///
/// # Errors
/// `not_found`, `not_rendered`.
pub async fn download(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let row = find(&state, &caller, &path).await?;
    let name = format!("{}.pdf", name(&row));
    let sha256 = row.sha256.ok_or_else(|| Problem::new(Code::NotRendered))?;
    files::serve(&state, sha256, "application/pdf", &name).await
}

/// The document as it may be read.
async fn find(state: &AppState, caller: &Caller, id: &str) -> Result<DocumentRow, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let id = extract::id(id)?.to_owned();
    let row = state
        .engine
        .read(move |conn| document_rows::document_get(conn, &id))
        .await?
        .ok_or_else(missing)?;
    let eyes = caller.eyes();
    let seen = commands::see(state, &row.instance, &eyes).await?;
    readable(&seen, &row, eyes.reader()).then_some(row).ok_or_else(missing)
}

/// `GET /api/v1/documents/{id}/evidence`: the document with all that its seals were judged with, for verifying it years later, as
/// a ZIP.
///
/// # Errors
/// `not_found`, also for a document without a seal; `not_rendered`.
pub async fn evidence(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let row = find(&state, &caller, &path).await?;
    let name = format!("{} 证据包.zip", name(&row));
    let sha256 = row.sha256.ok_or_else(|| Problem::new(Code::NotRendered))?;
    let id = row.id;
    let seals = state
        .engine
        .read(move |conn| sealing_rows::signatures_of(conn, &id))
        .await?;
    if seals.is_empty() {
        return Err(Problem::new(Code::NotFound).detail("this document bears no seal"));
    }
    let files = state.files.clone();
    let content = state.blocking(move || {
        let document = files
            .read(&sha256)
            .map_err(|error| Problem::internal("read a document", &error))?;
        let kept = seals.into_iter().map(kept).collect::<Result<Vec<_>, _>>()?;
        archive(&document, &kept).map_err(|error| Problem::internal("write evidence", &error))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((CONTENT_DISPOSITION, disposition(&name)))
        .body(content.await?))
}

fn kept(row: SignatureRow) -> Result<Kept, Problem> {
    let signature = STANDARD.decode(&row.signature);
    let proofs = serde_json::from_str(&row.evidence);
    Ok(Kept {
        signature: signature.map_err(|error| Problem::internal("read a seal", &error))?,
        report: row.report,
        proofs: proofs.map_err(|error| Problem::internal("read evidence", &error))?,
    })
}

fn name(row: &DocumentRow) -> String {
    let number = row.number.as_ref().map(|number| format!(" {number}"));
    format!("{}{}", row.title, number.unwrap_or_default())
}

fn readable(seen: &Seen, row: &DocumentRow, reader: Reader<'_>) -> bool {
    let Seen { snapshot, instance } = seen;
    view::may_read_document(&snapshot.bundle, &snapshot.trade, instance, &row.name, reader)
}

fn present(row: &DocumentRow) -> Value {
    json!({"id": row.id, "name": row.name, "title": row.title, "revision": row.revision, "number": row.number,
        "sha256": row.sha256, "bytes": row.bytes, "ready_at": row.ready_at})
}
