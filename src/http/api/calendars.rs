//! Calendars of working days: importing the year that the State Council has published. Must not count days.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::engine::ImportError;
use crate::http::caller::SignedIn;
use crate::http::extract::Command;
use crate::http::problem::Problem;
use crate::http::state::AppState;

/// The text of a file as they stand in `workflows/calendars/`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    text: String,
}

/// `GET /api/v1/admin/calendars`
///
/// # Errors
/// None.
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let calendars = state.engine.calendars();
    let items: Vec<_> = calendars
        .0
        .iter()
        .map(|(name, calendar)| {
            let newest = |(year, of): (&i32, &Vec<crate::machine::calendar::Year>)| json!({"year": year, "source": of.last().map(|year| year.source.clone())});
            let years: Vec<_> = calendar.years.iter().map(newest).collect();
            json!({"name": name, "version": calendar.version, "years": years})
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

/// `POST /api/v1/admin/calendars`. Importing what is known already changes nothing, so the key needs no row of its own.
///
/// # Errors
/// `invalid` for a text that is no calendar.
pub async fn import(
    state: web::Data<AppState>,
    admin: SignedIn,
    command: Command<Import>,
) -> Result<HttpResponse, Problem> {
    let imported = state
        .engine
        .import_calendar(&command.body.text, &admin.id)
        .await
        .map_err(|error| match error {
            ImportError::Calendar(fault) => Problem::field("text", fault.to_string()),
            ImportError::Engine(error) => error.into(),
        })?;
    let body = json!({"calendar": imported.calendar, "version": imported.version, "trades": imported.trades});
    Ok(HttpResponse::Ok().json(body))
}
