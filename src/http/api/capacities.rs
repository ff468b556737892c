//! How many sessions may be under way at once: as the workflows say, or as the centre has set. Must not look at sessions.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::caller::SignedIn;
use crate::http::extract::Command;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::Name;
use crate::machine::definition::model::Capacity;
use crate::store::booking_rows::{CapacityRow, capacities_all, capacity_set};

/// The highest number that may be set; a centre has a few dozen rooms at most.
const MOST: u32 = 10_000;

/// A capacity with the number that holds now.
#[derive(Serialize, ToSchema)]
pub struct Limit {
    #[schema(value_type = String)]
    pub name: Name,
    pub title: String,
    pub limit: u32,
}

/// A capacity as admins see it.
#[derive(Serialize, ToSchema)]
pub struct Setting {
    #[schema(value_type = String)]
    name: Name,
    title: String,
    /// What the newest workflow says.
    workflow: u32,
    /// What the centre has set; it holds where there is one.
    set: Option<u32>,
    set_by: Option<String>,
    set_at: Option<i64>,
}

/// Another number, or none: then the workflow's holds again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    limit: Option<u32>,
}

/// All capacities of the newest published workflows, with the numbers that hold.
///
/// # Errors
/// A failing store.
pub async fn limits(state: &AppState) -> Result<Vec<Limit>, Problem> {
    let settings = settings(state).await?;
    let limits = settings.into_iter().map(|setting| Limit {
        limit: setting.set.unwrap_or(setting.workflow),
        name: setting.name,
        title: setting.title,
    });
    Ok(limits.collect())
}

/// `GET /api/v1/admin/capacities`
///
/// # Errors
/// A failing store.
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let items = settings(&state).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items})))
}

/// `PUT /api/v1/admin/capacities/{name}`. Setting what is set already changes nothing, so the key needs no row of its own.
///
/// # Errors
/// `invalid`, `not_found` for a name that no published workflow declares.
pub async fn set(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<Set>,
) -> Result<HttpResponse, Problem> {
    let name = path.into_inner();
    let limit = command.body.limit;
    if limit.is_some_and(|limit| limit > MOST) {
        return Err(Problem::field("limit", format!("must be at most {MOST}")));
    }
    if !declared(&state)?.contains_key(name.as_str()) {
        return Err(Problem::new(Code::NotFound));
    }
    let (by, at) = (admin.id.clone(), state.engine.now());
    let write = move |conn: &mut crate::store::Connection| capacity_set(conn, &name, limit.map(i64::from), &by, at);
    state.engine.write("capacity", write).await?;
    list(state).await
}

/// What published workflows declare; of several versions the newest counts.
fn declared(state: &AppState) -> Result<BTreeMap<Name, Capacity>, Problem> {
    let mut declared = BTreeMap::new();
    for published in state.engine.library().published() {
        let bundle = state.engine.library().by_reference(&published.reference)?;
        declared.extend(bundle.capacities.clone());
    }
    Ok(declared)
}

async fn settings(state: &AppState) -> Result<Vec<Setting>, Problem> {
    let declared = declared(state)?;
    let rows = state.engine.read(capacities_all).await?;
    let rows: BTreeMap<String, CapacityRow> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
    let settings = declared.into_iter().map(|(name, capacity)| {
        let row = rows.get(&*name);
        Setting {
            title: capacity.title,
            workflow: capacity.limit,
            set: row.and_then(|row| row.ceiling).and_then(|set| u32::try_from(set).ok()),
            set_by: row.and_then(|row| row.set_by.clone()),
            set_at: row.and_then(|row| row.set_at),
            name,
        }
    });
    Ok(settings.collect())
}
