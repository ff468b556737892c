//! Definitions: what is published, checking, publishing. Must not compile by itself: the language does.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::engine::PublishError;
use crate::http::caller::SignedIn;
use crate::http::extract::{Command, Json};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::definition::{self, Diagnostic};
use crate::machine::value::Value;

/// The files of a bundle by path: `bundle.yaml`, `listing.yaml`, `forms/…`, `templates/…`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    files: BTreeMap<String, String>,
}

/// `GET /api/v1/admin/definitions`
///
/// # Errors
/// None.
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let published = state.engine.library().published();
    let items: Vec<_> = published
        .iter()
        .map(|one| {
            json!({"name": one.reference.name, "version": one.reference.version, "sha256": one.reference.sha256,
                "title": one.title, "published_at": one.at, "published_by": one.by})
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

/// `POST /api/v1/admin/definitions/check`: compiles without publishing; a bundle with faults is a good answer to this question.
///
/// # Errors
/// None of its own.
pub async fn check(state: web::Data<AppState>, body: Json<Files>) -> Result<HttpResponse, Problem> {
    let files = body.0.files;
    let checked = state.blocking(move || Ok(definition::check(&files))).await?;
    let reference = checked.bundle.as_ref().map(|bundle| json!(bundle.reference));
    Ok(HttpResponse::Ok().json(json!({
        "valid": checked.bundle.is_some(), "bundle": reference, "diagnostics": checked.diagnostics,
    })))
}

/// `POST /api/v1/admin/definitions`. Publishing the same content again changes nothing, so the key needs no row of its own.
///
/// # Errors
/// `definition_invalid` with the faults, `version_exists`.
pub async fn publish(
    state: web::Data<AppState>,
    admin: SignedIn,
    command: Command<Files>,
) -> Result<HttpResponse, Problem> {
    let reference = state
        .engine
        .library()
        .publish(command.body.files, &admin.id)
        .await
        .map_err(refused)?;
    Ok(HttpResponse::Created().json(reference))
}

fn refused(error: PublishError) -> Problem {
    match error {
        PublishError::Invalid(diagnostics) => {
            let all = diagnostics.iter().filter_map(told).collect();
            Problem::new(Code::DefinitionInvalid).member("diagnostics", Value::List(all))
        }
        PublishError::Taken(reference) => {
            Problem::new(Code::VersionExists).detail(format!("{} {}", reference.name, reference.version))
        }
        PublishError::Engine(error) => error.into(),
    }
}

fn told(diagnostic: &Diagnostic) -> Option<Value> {
    serde_json::to_value(diagnostic)
        .ok()
        .and_then(|value| serde_json::from_value(value).ok())
}
