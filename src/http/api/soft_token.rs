//! Test keys that a server for development signs with, as a card in a reader would: 测试签章 无法律效力.
//! Must not exist where the configuration says production, and must not sign anything but a challenge.

use std::path::{Path, PathBuf};

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::config::Environment;
use crate::http::challenges;
use crate::http::extract::{self, Json};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::seal::certificate::Certificate;
use crate::seal::sm2::SecretKey;

/// Said wherever a test key shows.
const MARK: &str = "测试签章 无法律效力";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Whose key, as the list says.
    id: String,
    /// A challenge's text.
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct Signature {
    certificate: String,
    signature: String,
    mark: &'static str,
}

/// The folder of test keys.
///
/// # Errors
/// `not_found` in production, and where there is none.
fn folder(state: &AppState) -> Result<PathBuf, Problem> {
    let folder = &state.config.sealing.soft_token;
    if state.config.environment != Environment::Development || folder.as_os_str().is_empty() {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(folder.clone())
}

pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let folder = folder(&state)?;
    let items = state.blocking(move || Ok(certificates(&folder))).await?;
    let items: Vec<_> = items
        .into_iter()
        .map(|(id, certificate)| {
            let title = format!("{}（{MARK}）", certificate.subject().shown());
            serde_json::json!({"id": id, "title": title})
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "mark": MARK})))
}

/// The certificates whose key lies beside them, by the name of the file.
fn certificates(folder: &Path) -> Vec<(String, Certificate)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.strip_suffix(".key.pem")?.to_owned();
            extract::id(&id).ok()?;
            Some((id.clone(), certificate(folder, &id)?))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn certificate(folder: &Path, id: &str) -> Option<Certificate> {
    let bytes = std::fs::read(folder.join(format!("{id}.pem"))).ok()?;
    Certificate::from_any(&bytes).ok()
}

pub async fn sign(state: web::Data<AppState>, body: Json<Sign>) -> Result<HttpResponse, Problem> {
    let folder = folder(&state)?;
    let Json(Sign { id, text }) = body;
    extract::id(&id)?;
    if !challenges::is_text(&text) {
        return Err(Problem::field("text", "is no challenge"));
    }
    let signed = state.blocking(move || {
        let pem = std::fs::read_to_string(folder.join(format!("{id}.key.pem")))
            .map(Zeroizing::new)
            .map_err(|_| Problem::new(Code::NotFound))?;
        let certificate = certificate(&folder, &id).ok_or_else(|| Problem::new(Code::NotFound))?;
        let value = SecretKey::from_pem(&pem)
            .and_then(|key| key.sign(text.as_bytes()))
            .map_err(|error| Problem::internal("sign with a test key", &error))?;
        Ok((certificate, value))
    });
    let (certificate, value) = signed.await?;
    let base64 = base64::engine::general_purpose::STANDARD;
    Ok(HttpResponse::Ok().json(Signature {
        certificate: base64.encode(certificate.der()),
        signature: base64.encode(value),
        mark: MARK,
    }))
}
