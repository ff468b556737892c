//! Rendered documents: which there are of an instance, and their PDFs. Must not render.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::files;
use crate::http::caller::Caller;
use crate::http::commands::{self, Seen};
use crate::http::extract;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::view::{self, Reader};
use crate::store::document_rows::{self, DocumentRow};

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

pub async fn download(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let id = extract::id(&path)?.to_owned();
    let row = state
        .engine
        .read(move |conn| document_rows::document_get(conn, &id))
        .await?
        .ok_or_else(missing)?;
    let eyes = caller.eyes();
    let seen = commands::see(&state, &row.instance, &eyes).await?;
    if !readable(&seen, &row, eyes.reader()) {
        return Err(missing());
    }
    let sha256 = row.sha256.ok_or_else(|| Problem::new(Code::NotRendered))?;
    let name = format!(
        "{}{}.pdf",
        row.title,
        row.number.map(|number| format!(" {number}")).unwrap_or_default()
    );
    files::serve(&state, sha256, "application/pdf", &name).await
}

fn readable(seen: &Seen, row: &DocumentRow, reader: Reader<'_>) -> bool {
    let Seen { snapshot, instance } = seen;
    view::may_read_document(&snapshot.bundle, &snapshot.trade, instance, &row.name, reader)
}

fn present(row: &DocumentRow) -> Value {
    json!({"id": row.id, "name": row.name, "title": row.title, "revision": row.revision, "number": row.number,
        "sha256": row.sha256, "bytes": row.bytes, "ready_at": row.ready_at})
}
