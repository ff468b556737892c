//! Organisations that people hold posts at. Must not decide who holds one.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::caller::SignedIn;
use crate::http::extract::{Command, Query};
use crate::http::once::once;
use crate::http::page::{Cursor, Page};
use crate::http::people;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::identity;
use crate::store::account_rows::{self, OrganisationRow};

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// 统一社会信用代码
    code: String,
    name: String,
}

/// `POST /api/v1/admin/organisations`
///
/// # Errors
/// `invalid`, `conflict` for a known one.
pub async fn create(
    state: web::Data<AppState>,
    admin: SignedIn,
    command: Command<Organisation>,
) -> Result<HttpResponse, Problem> {
    let organisation = command.body;
    identity::check_organisation_code(&organisation.code).map_err(|fault| Problem::field("code", fault.to_string()))?;
    people::check_line("name", &organisation.name, 100)?;
    let created_at = state.now().0;
    let run = move |conn: &mut _| {
        if account_rows::organisation_by_code(conn, &organisation.code)?.is_some() {
            return Ok(Err(
                Problem::new(Code::Conflict).detail("the organisation is registered already")
            ));
        }
        let Organisation { code, name } = organisation.clone();
        account_rows::organisation_insert(conn, &OrganisationRow { code, name, created_at })?;
        Ok(Ok(organisation))
    };
    let created = once(&state, &admin.id, command.key, "create organisation", run).await?;
    Ok(HttpResponse::Created().json(created))
}

/// `GET /api/v1/admin/organisations`
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let after = page.after.map(|cursor| cursor.id);
    let rows = state
        .engine
        .read(move |conn| account_rows::organisation_page(conn, after.as_deref(), limit))
        .await?;
    let last = rows.last().filter(|_| rows.len() == page.limit);
    let next = last.map(|row| {
        Cursor {
            key: 0,
            id: row.code.clone(),
        }
        .encode()
    });
    let items: Vec<_> = rows
        .into_iter()
        .map(|row| Organisation {
            code: row.code,
            name: row.name,
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "next": next})))
}
