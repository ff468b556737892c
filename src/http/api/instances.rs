//! Instances: what may be seen of one, its course, and the one command of a trade. Must not decide about it.

use actix_web::http::header::{ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use sha2::{Digest, Sha256};

use crate::engine::Request;
use crate::http::attachments;
use crate::http::caller::{Caller, SignedIn};
use crate::http::commands::{self, Entry, Seen};
use crate::http::extract::{Query, Timed};
use crate::http::forms;
use crate::http::history;
use crate::http::page::Page;
use crate::http::problem::{Code, Problem};
use crate::http::rows;
use crate::http::state::AppState;
use crate::machine::definition::model::{Machine, Type};
use crate::machine::step::Actor;
use crate::machine::value::{Map, Name, Value};
use crate::machine::view;
use crate::store::idempotency_rows;
use crate::store::list_rows::{Filter, ListedRow};

/// Opens a trade: the newest version of a bundle, with the data that its first form would hold.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    bundle: String,
    /// Absent: the bundle's root.
    #[serde(default)]
    machine: Option<String>,
    #[schema(value_type = Object)]
    data: Map,
}

/// `POST /api/v1/trades`
///
/// # Errors
/// `invalid`, `forbidden` in another's name or with another's files, or the machine's own no.
pub async fn open(
    state: web::Data<AppState>,
    account: SignedIn,
    command: Timed<Open>,
) -> Result<HttpResponse, Problem> {
    let Timed { body, key, stamp } = command;
    let Open { bundle, machine, data } = body;
    let definition = state.engine.library().latest(&bundle)?;
    let name = machine.map_or_else(|| definition.root.clone(), Name::from);
    let opened = definition
        .machines
        .get(&name)
        .filter(|machine| machine.child_of.is_empty());
    let opened = opened.ok_or_else(|| Problem::field("machine", "cannot be opened by itself"))?;
    may_open(opened, &data, &account.actor)?;
    attachments::check(&state, &account, attachments::of_machine(opened, &data), None).await?;
    let request = Request::Open {
        bundle: bundle.into(),
        machine: Some(name),
        data,
    };
    let receipt = commands::submit(&state, account.actor.clone(), Entry::new(key, &stamp), request).await?;
    Ok(HttpResponse::Created().json(commands::present(&receipt)))
}

/// Where the machine declares no event `start`, which says who may: nobody opens a trade in another organisation's name;
/// one's post is at the centre or at an organisation that the data name.
fn may_open(machine: &Machine, data: &Map, actor: &Actor) -> Result<(), Problem> {
    if machine.events.contains_key("start") {
        return Ok(());
    }
    let named = |at: &Name| {
        let organisations = machine.data.iter().filter(|field| field.kind == Type::Organisation);
        let mut codes = organisations.filter_map(|field| data.get(&field.name));
        codes.any(|code| code.as_text() == Some(at))
    };
    let mut posts = actor.posts.iter();
    let fits = posts.any(|(_, at)| &**at == crate::machine::roles::CENTRE || named(at));
    if fits {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden).detail("the data name no organisation of yours"))
    }
}

/// `GET /api/v1/instances/{id}`: what the caller may see of it.
///
/// # Errors
/// `not_found`.
pub async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let seen = commands::see(&state, &path, &caller.eyes()).await?;
    answer(&request, &detail(&seen, &caller)?)
}

/// An instance as its detail shows it, with the descriptions of its fields.
///
/// # Errors
/// `not_found` for one that may not be seen.
pub fn detail(seen: &Seen, caller: &Caller) -> Result<Map, Problem> {
    let Seen { snapshot, instance } = seen;
    let eyes = caller.eyes();
    let shown = view::view_for(&snapshot.bundle, &snapshot.trade, instance, eyes.reader());
    let mut shown = shown.ok_or_else(|| Problem::new(Code::NotFound))?;
    let machine = snapshot
        .bundle
        .machines
        .get(&instance.machine)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    if let Some(Value::Map(data)) = shown.get("data") {
        let fields = forms::fields_of(machine, data);
        shown.insert("fields".into(), fields);
    }
    let reference = &snapshot.bundle.reference;
    shown.insert("bundle".into(), reference.name.clone().into());
    shown.insert("bundle_version".into(), reference.version.clone().into());
    Ok(shown)
}

/// With an ETag over what this reader sees: one over the trade would tell when others act.
///
/// # Errors
/// What cannot be encoded.
pub fn answer(request: &HttpRequest, shown: &Map) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(shown).map_err(|error| Problem::internal("encode an answer", &error))?;
    let digest = hex::encode(Sha256::digest(&body));
    let tag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known == Some(tag.as_str()) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).finish());
    }
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .content_type("application/json")
        .body(body))
}

/// `POST /api/v1/instances/{id}/events/{name}`
///
/// # Errors
/// `not_found`, `too_many_requests`, `idempotency_key_reused`, `bad_signature`, `certificate_refused`, `forbidden`, or the
/// machine's own no.
pub async fn send(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<(String, String)>,
    command: Timed<Map>,
) -> Result<HttpResponse, Problem> {
    let (instance, event) = path.into_inner();
    let limited = Name::from(crate::http::extract::id(&instance)?);
    let Timed { body, key, stamp } = command;
    if let Err(refused) = state.limits.event(&account.actor, &key.key, &limited) {
        // What another process decided, or this one before it was started, is answered again and not counted.
        let (sender, key) = (account.actor.account.to_string(), key.key.clone());
        let known = state
            .engine
            .read(move |conn| idempotency_rows::key_find(conn, &sender, &key))
            .await?;
        known.ok_or(refused)?;
    }
    let entry = Entry::new(key, &stamp);
    let receipt = commands::send(&state, &account, entry, (&instance, &event), body).await?;
    Ok(HttpResponse::Ok().json(commands::present(&receipt)))
}

/// `GET /api/v1/instances/{id}/history`: the entries that the caller may read.
///
/// # Errors
/// `not_found`, `invalid_cursor`.
pub async fn course(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let seen = commands::see(&state, &path, &caller.eyes()).await?;
    let (items, next) = history::course(&state, &seen, &caller, page).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "next": next})))
}

/// `GET /api/v1/admin/instances`: those that whoever runs the platform may know of.
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, caller: Caller, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    let filter = Filter {
        machine: query.take("machine"),
        ..Filter::default()
    };
    query.finish()?;
    let eyes = caller.eyes();
    let shown = async |row: &ListedRow| {
        let seen = commands::listed(&state, &row.id, &eyes).await;
        Ok(matches!(seen, Ok(Some(_))).then(|| {
            Map::from([
                ("id".into(), row.id.as_str().into()),
                ("trade".into(), row.trade.as_str().into()),
                ("machine".into(), row.machine.as_str().into()),
                ("done".into(), row.done.into()),
                ("opened_at".into(), row.opened_at.into()),
            ])
        }))
    };
    let (items, next) = rows::instances(&state, &filter, page, shown).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "next": next})))
}
