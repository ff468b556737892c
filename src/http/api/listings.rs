//! The public list: trades that anybody may see, by listed field and by text. Must not know what is traded.

use actix_web::{HttpRequest, HttpResponse, web};

use super::instances;
use crate::http::caller::{Caller, Eyes};
use crate::http::commands::{self, Seen};
use crate::http::extract::Query;
use crate::http::page::Page;
use crate::http::problem::{Code, Problem};
use crate::http::rows;
use crate::http::state::AppState;
use crate::machine::value::{Map, Name, Value};
use crate::machine::view;
use crate::store::list_rows::{FieldFilter, Filter, ListedRow};

const MAX_TEXT: usize = 100;

/// `GET /api/v1/listings`
///
/// # Errors
/// `invalid_cursor`, `invalid` for a text too long, `bad_request` for a filter that no list knows.
pub async fn list(state: web::Data<AppState>, caller: Caller, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    let filter = filter(&state, query)?;
    let eyes = caller.eyes();
    let shown = async |row: &ListedRow| present(&state, &eyes, &filter, row).await;
    let (items, next) = rows::instances(&state, &filter, page, shown).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "next": next})))
}

/// `GET /api/v1/listings/{id}`
///
/// # Errors
/// `not_found`, also for what is no root.
pub async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let seen = commands::see(&state, &path, &caller.eyes()).await?;
    if seen.instance.parent.is_some() {
        return Err(Problem::new(Code::NotFound));
    }
    instances::answer(&request, &instances::detail(&seen, &caller)?)
}

/// Filters by any field that a published root lists; others are not known, so that no filter asks about hidden ones.
fn filter(state: &AppState, mut query: Query) -> Result<Filter, Problem> {
    let text = query.take("q").filter(|text| !text.trim().is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err(Problem::field("q", format!("must have at most {MAX_TEXT} characters")));
    }
    let mut roots = Vec::new();
    let mut listed = Vec::new();
    for published in state.engine.library().published() {
        let bundle = state.engine.library().by_reference(&published.reference)?;
        if let Some(root) = bundle.machines.get(&bundle.root) {
            roots.push(root.name.to_string());
            listed.extend(
                root.data
                    .iter()
                    .filter(|field| field.listed)
                    .map(|field| field.name.to_string()),
            );
        }
    }
    roots.sort();
    roots.dedup();
    let mut fields = Vec::new();
    for (field, value) in query.rest() {
        if !listed.contains(&field) {
            return Err(Problem::new(Code::BadRequest).detail(format!("the query parameter `{field}` is not known")));
        }
        fields.push(FieldFilter { field, value });
    }
    Ok(Filter {
        roots_of: Some(roots),
        machine: None,
        owner: None,
        fields,
        text,
    })
}

/// The row as this reader sees it; `None` where they may not see it, or match it only by what they may not read.
async fn present(state: &AppState, eyes: &Eyes, filter: &Filter, row: &ListedRow) -> Result<Option<Map>, Problem> {
    let Ok(Some(seen)) = commands::listed(state, &row.id, eyes).await else {
        return Ok(None);
    };
    let Some(data) = listed(&seen, eyes) else {
        return Ok(None);
    };
    let matches = filter.fields.iter().all(|wanted| {
        data.get(&*wanted.field)
            .is_some_and(|value| equals(value, &wanted.value))
    });
    let found = filter.text.as_ref().is_none_or(|text| {
        let text = text.to_lowercase();
        data.values()
            .filter_map(Value::as_text)
            .any(|value| value.to_lowercase().contains(&text))
    });
    if !matches || !found {
        return Ok(None);
    }
    let Seen { snapshot, instance } = &seen;
    let shown = view::view_for(&snapshot.bundle, &snapshot.trade, instance, eyes.reader());
    let mut shown = shown.unwrap_or_default();
    shown.retain(|name, _| matches!(&**name, "id" | "machine" | "title" | "states" | "tags" | "done"));
    shown.insert("bundle".into(), snapshot.bundle.reference.name.clone().into());
    shown.insert("data".into(), Value::Map(data));
    Ok(Some(shown))
}

/// The listed fields that the reader may read.
pub fn listed(seen: &Seen, eyes: &Eyes) -> Option<Map> {
    let Seen { snapshot, instance } = seen;
    let machine = snapshot.bundle.machines.get(&instance.machine)?;
    let mut data = view::readable(&snapshot.bundle, &snapshot.trade, instance, eyes.reader());
    let listed = |name: &Name| machine.field(name).is_some_and(|field| field.listed);
    data.retain(|name, _| listed(name));
    Some(data)
}

fn equals(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Text(text) => &**text == wanted,
        Value::Int(int) => wanted.parse() == Ok(*int),
        Value::Bool(truth) => wanted == truth.to_string(),
        _ => false,
    }
}
