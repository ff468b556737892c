//! To-dos: one's own, the form of one, drafts, and acting on one. Must not decide what an outcome leads to.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::listings::listed;
use crate::engine::{IdempotencyKey, Receipt};
use crate::http::attachments;
use crate::http::caller::{Account, Eyes, SignedIn, Standing};
use crate::http::commands::{self, Entry, Seen};
use crate::http::extract::{self, Empty, Json, Query, Timed, etag, if_match};
use crate::http::forms;
use crate::http::page::{Cursor, Page};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::definition::model::TodoDefinition;
use crate::machine::roles::audiences_of;
use crate::machine::snapshot::todo_definition;
use crate::machine::step::Act;
use crate::machine::trade::{Todo, TodoId};
use crate::machine::value::{Map, Name, Value};
use crate::machine::view;
use crate::store::account_rows;
use crate::store::list_rows::{self, After};
use crate::store::todo_rows::{self, TodoRow};
use crate::store::upload_rows::{self, DraftRow, Edit};

/// Hands a to-do to somebody else whom it concerns.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The account.
    to: String,
}

/// An open to-do that concerns the account, with where it stands.
pub(super) struct Mine {
    pub seen: Seen,
    pub todo: Todo,
}

impl Mine {
    pub fn definition(&self) -> Result<&TodoDefinition, Problem> {
        let found = todo_definition(&self.seen.snapshot.bundle, &self.seen.instance, &self.todo);
        found.ok_or_else(|| Problem::new(Code::NotFound))
    }
}

pub(super) async fn find(state: &AppState, account: &Account, id: &str) -> Result<Mine, Problem> {
    let (mine, concerned) = look_up(state, account, id).await?;
    concerned.then_some(mine).ok_or_else(|| Problem::new(Code::NotFound))
}

/// Also finds what others have claimed and the account may take from them, without showing what is in it.
async fn find_held(state: &AppState, account: &Account, id: &str) -> Result<Mine, Problem> {
    let (mine, concerned) = look_up(state, account, id).await?;
    let Seen { snapshot, instance } = &mine.seen;
    let reassigns = view::reassigns(&snapshot.bundle, &snapshot.trade, instance, &mine.todo, &account.actor);
    (concerned || reassigns)
        .then_some(mine)
        .ok_or_else(|| Problem::new(Code::NotFound))
}

/// The to-do, and whether it concerns the account.
async fn look_up(state: &AppState, account: &Account, id: &str) -> Result<(Mine, bool), Problem> {
    let missing = || Problem::new(Code::NotFound);
    let id = TodoId::from(extract::id(id)?);
    let wanted = id.clone();
    let row = state
        .engine
        .read(move |conn| todo_rows::todo_get(conn, &wanted))
        .await?
        .ok_or_else(missing)?;
    let snapshot = state.engine.trade(&Name::from(row.instance)).await?;
    let owner = snapshot
        .trade
        .instances
        .values()
        .find(|instance| instance.todos.contains_key(&id))
        .cloned();
    let instance = owner.ok_or_else(missing)?;
    let todo = instance.todos.get(&id).cloned().ok_or_else(missing)?;
    let seen = Seen { snapshot, instance };
    let Seen { snapshot, instance } = &seen;
    let admin = account.standing == Standing::Admin && view::is_over(&snapshot.bundle, &snapshot.trade);
    let concerned = admin || view::concerns(&snapshot.bundle, &snapshot.trade, instance, &todo, &account.actor);
    Ok((Mine { seen, todo }, concerned))
}

/// `GET /api/v1/todos`: those that concern the caller, the most urgent first.
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, account: SignedIn, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let audiences: Vec<String> = audiences_of(&account.actor).iter().map(ToString::to_string).collect();
    let after = page.after.map(|cursor| After {
        key: cursor.key,
        id: cursor.id,
    });
    let count = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let rows = state
        .engine
        .read(move |conn| list_rows::todo_page(conn, &audiences, after.as_ref(), count))
        .await?;
    let last = rows.last().filter(|_| rows.len() == page.limit);
    let next = last.map(|row| {
        Cursor {
            key: row.due_at.unwrap_or(i64::MAX),
            id: row.id.clone(),
        }
        .encode()
    });
    let mut items = Vec::new();
    for row in &rows {
        items.extend(summary(&state, &account, row).await?);
    }
    Ok(HttpResponse::Ok().json(json!({"items": items, "next": next})))
}

async fn summary(state: &AppState, account: &Account, row: &TodoRow) -> Result<Option<Map>, Problem> {
    // Between the list and the trade it may have been done.
    let Ok(mine) = find(state, account, &row.id).await else {
        return Ok(None);
    };
    let mut shown = view::todo_row(
        &mine.seen.instance,
        &mine.todo,
        mine.definition()?,
        Some(&account.actor.account),
    );
    let Seen { snapshot, .. } = &mine.seen;
    let eyes = Eyes(Some(account.actor.clone()));
    if let Some(root) = snapshot.trade.instances.get(&snapshot.trade.id).cloned() {
        let root = Seen {
            snapshot: snapshot.clone(),
            instance: root,
        };
        shown.insert("about".into(), listed(&root, &eyes).map_or(Value::Null, Value::Map));
        shown.insert("trade".into(), snapshot.trade.id.clone().into());
    }
    Ok(Some(shown))
}

/// `GET /api/v1/todos/{id}`: the to-do, its form, and the caller's draft.
///
/// # Errors
/// `not_found`.
pub async fn show(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let mine = find(&state, &account, &path).await?;
    let definition = mine.definition()?;
    let mut shown = view::todo_row(
        &mine.seen.instance,
        &mine.todo,
        definition,
        Some(&account.actor.account),
    );
    shown.extend(forms::todo(&mine.seen, &mine.todo, definition));
    let (owner, id) = (account.id.clone(), mine.todo.id.to_string());
    let draft = state
        .engine
        .read(move |conn| upload_rows::draft_by_todo(conn, &owner, &id))
        .await?;
    let version = draft.as_ref().map_or(0, |draft| draft.version);
    let body: Option<Map> = draft.and_then(|draft| serde_json::from_str(&draft.body).ok());
    shown.insert("draft".into(), body.map_or(Value::Null, Value::Map));
    Ok(HttpResponse::Ok().insert_header((ETAG, etag(version))).json(shown))
}

/// `PUT /api/v1/todos/{id}/draft`
///
/// # Errors
/// `not_found`, `invalid` for a field that the form does not have, `forbidden` files, `precondition_required`,
/// `precondition_failed`.
pub async fn save_draft(
    state: web::Data<AppState>,
    request: HttpRequest,
    account: SignedIn,
    path: web::Path<String>,
    body: Json<Map>,
) -> Result<HttpResponse, Problem> {
    let mine = find(&state, &account, &path).await?;
    let machine = mine.seen.snapshot.bundle.machines.get(&mine.seen.instance.machine);
    let definition = mine.definition()?;
    let known = machine
        .map(|machine| forms::names(machine, &mine.todo, definition))
        .unwrap_or_default();
    if let Some(name) = body.0.keys().find(|name| !known.contains(name)) {
        return Err(Problem::field(name, "is no field of this form"));
    }
    attachments::check(
        &state,
        &account,
        attachments::of_fields(&mine.seen, &body.0),
        Some(&mine.seen),
    )
    .await?;
    // The first save needs no version: there is nothing to overwrite.
    let over = if request.headers().contains_key("If-Match") {
        if_match(&request)?
    } else {
        0
    };
    let text = serde_json::to_string(&body.0).map_err(|error| Problem::internal("encode a draft", &error))?;
    let row = DraftRow {
        account: account.id.clone(),
        todo: mine.todo.id.to_string(),
        version: over.saturating_add(1),
        body: text,
        changed_at: state.now().0,
    };
    let version = row.version;
    match state
        .engine
        .write("draft", move |conn| upload_rows::draft_save(conn, &row, over))
        .await?
    {
        Edit::Done => Ok(HttpResponse::NoContent().insert_header((ETAG, etag(version))).finish()),
        Edit::Stale if over == 0 => Err(Problem::new(Code::PreconditionRequired)),
        Edit::Stale => Err(Problem::new(Code::PreconditionFailed)),
    }
}

/// `POST /api/v1/todos/{id}/claim`
///
/// # Errors
/// `not_found`, or the machine's own no.
pub async fn claim(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    command: Timed<Empty>,
) -> Result<HttpResponse, Problem> {
    let mine = find(&state, &account, &path).await?;
    let entry = Entry::new(command.key, &command.stamp);
    answer(&commands::act(&state, &account, entry, &mine.seen, (&mine.todo.id, Act::Claim)).await?)
}

/// `POST /api/v1/todos/{id}/release`
///
/// # Errors
/// `not_found`, or the machine's own no.
pub async fn release(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    command: Timed<Empty>,
) -> Result<HttpResponse, Problem> {
    let mine = find_held(&state, &account, &path).await?;
    let entry = Entry::new(command.key, &command.stamp);
    answer(&commands::act(&state, &account, entry, &mine.seen, (&mine.todo.id, Act::Release)).await?)
}

/// `POST /api/v1/todos/{id}/transfer`
///
/// # Errors
/// `not_found`, `invalid` for somebody whom it does not concern, or the machine's own no.
pub async fn transfer(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<String>,
    command: Timed<Transfer>,
) -> Result<HttpResponse, Problem> {
    let mine = find_held(&state, &account, &path).await?;
    let to = command.body.to;
    let wanted = to.clone();
    let found = state.engine.read(move |conn| {
        let row = account_rows::account_by_id(conn, &wanted)?;
        row.map(|row| Ok((account_rows::post_list(conn, &row.id)?, row)))
            .transpose()
    });
    let Seen { snapshot, instance } = &mine.seen;
    let fits = found.await?.is_some_and(|(posts, row)| {
        let target = Account::of(&row, posts);
        let may = row.disabled_at.is_none() && target.standing == Standing::Ordinary;
        may && view::concerns(&snapshot.bundle, &snapshot.trade, instance, &mine.todo, &target.actor)
    });
    if !fits {
        return Err(Problem::field("to", "is nobody whom this to-do concerns"));
    }
    let act = Act::Transfer { to: to.into() };
    let entry = Entry::new(command.key, &command.stamp);
    answer(&commands::act(&state, &account, entry, &mine.seen, (&mine.todo.id, act)).await?)
}

/// `POST /api/v1/todos/{id}/outcomes/{outcome}`
///
/// # Errors
/// `not_found`, `idempotency_key_reused`, `forbidden` files, or the machine's own no.
pub async fn complete(
    state: web::Data<AppState>,
    account: SignedIn,
    path: web::Path<(String, String)>,
    command: Timed<Map>,
) -> Result<HttpResponse, Problem> {
    let (id, outcome) = path.into_inner();
    let Timed { body, key, stamp } = command;
    let receipt = match find(&state, &account, &id).await {
        Ok(mine) => {
            let act = Act::complete(outcome, body);
            let entry = Entry::new(key, &stamp);
            commands::act(&state, &account, entry, &mine.seen, (&mine.todo.id, act)).await?
        }
        // A repeated command meets a to-do that is done; the first answer is given again.
        Err(problem) => repeated(&state, &account, &key).await?.ok_or(problem)?,
    };
    let done = id.clone();
    state
        .engine
        .write("forget draft", move |conn| upload_rows::draft_delete(conn, &done))
        .await?;
    answer(&receipt)
}

async fn repeated(state: &AppState, account: &Account, key: &IdempotencyKey) -> Result<Option<Receipt>, Problem> {
    let (actor, IdempotencyKey { key, body_sha256 }) = (account.id.clone(), key.clone());
    let row = state
        .engine
        .read(move |conn| crate::store::idempotency_rows::key_find(conn, &actor, &key))
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.body_sha256 != body_sha256 {
        return Err(Problem::new(Code::KeyReused));
    }
    let receipt: Receipt =
        serde_json::from_str(&row.receipt).map_err(|error| Problem::internal("read a receipt", &error))?;
    Problem::check(&receipt.answer)?;
    Ok(Some(receipt))
}

fn answer(receipt: &Receipt) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(commands::present(receipt)))
}
