//! My trades: what one's party has started, and what one's posts have to do with. Must not show what others started.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::listings::listed;
use crate::http::caller::{Account, Eyes, SignedIn};
use crate::http::commands::{self, Seen};
use crate::http::extract::Query;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::http::rows;
use crate::http::state::AppState;
use crate::machine::roles::holds;
use crate::machine::value::{Map, Value};
use crate::machine::view;
use crate::store::list_rows::{Filter, ListedRow};

/// `GET /api/v1/my/trades`: what one's party or post takes part in.
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, account: SignedIn, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let shown = async |row: &ListedRow| present(&state, &account, row).await;
    let (items, next) = match filter(&account) {
        Some(filter) => rows::instances(&state, &filter, page, shown).await?,
        None => (Vec::new(), None),
    };
    Ok(HttpResponse::Ok().json(json!({"items": items, "next": next})))
}

/// The rows worth looking at; `None` for an account that neither acts for a party nor holds a post.
fn filter(account: &Account) -> Option<Filter> {
    match &account.actor.party {
        Some(party) if account.actor.posts.is_empty() => Some(Filter {
            owner: Some(party.to_string()),
            ..Filter::default()
        }),
        None if account.actor.posts.is_empty() => None,
        _ => Some(Filter::default()),
    }
}

/// An instance the party owns, or a root to which one of the account's roles other than everybody's is related.
async fn present(state: &AppState, account: &Account, row: &ListedRow) -> Result<Option<Map>, Problem> {
    let eyes = Eyes(Some(account.actor.clone()));
    let Ok(Some(seen)) = commands::listed(state, &row.id, &eyes).await else {
        return Ok(None);
    };
    let Seen { snapshot, instance } = &seen;
    let owned = instance.owner.is_some() && instance.owner == account.actor.party;
    let related = || {
        let mut posts = snapshot
            .bundle
            .roles
            .keys()
            .filter(|role| !account.actor.posts.is_empty() && !role.is_empty());
        posts.any(|role| {
            is_post(&seen, role) && holds(&snapshot.bundle, &snapshot.trade, instance, role, &account.actor)
        })
    };
    if !owned && (instance.parent.is_some() || !related()) {
        return Ok(None);
    }
    let mut shown = view::view_for(&snapshot.bundle, &snapshot.trade, instance, eyes.reader()).unwrap_or_default();
    shown.retain(|name, _| {
        matches!(
            &**name,
            "id" | "machine" | "title" | "key" | "parent" | "states" | "tags" | "done" | "mine"
        )
    });
    shown.insert("data".into(), listed(&seen, &eyes).map_or(Value::Null, Value::Map));
    shown.insert("todos".into(), todos(&seen, account).into());
    if let Some(root) = snapshot
        .trade
        .instances
        .get(&snapshot.trade.id)
        .filter(|root| root.id != instance.id)
    {
        let root = Seen {
            snapshot: snapshot.clone(),
            instance: root.clone(),
        };
        shown.insert("about".into(), listed(&root, &eyes).map_or(Value::Null, Value::Map));
        shown.insert("trade".into(), snapshot.trade.id.clone().into());
    }
    Ok(Some(shown))
}

fn is_post(seen: &Seen, role: &str) -> bool {
    use crate::machine::definition::model::Relation;
    let relation = seen.snapshot.bundle.roles.get(role).map(|role| &role.relation);
    matches!(relation, Some(Relation::PostAt { .. } | Relation::PostAtCentre { .. }))
}

/// How many open to-dos of this instance concern the account.
fn todos(seen: &Seen, account: &Account) -> i64 {
    let Seen { snapshot, instance } = seen;
    let mine = instance.todos.values();
    let mine = mine.filter(|todo| view::concerns(&snapshot.bundle, &snapshot.trade, instance, todo, &account.actor));
    i64::try_from(mine.count()).unwrap_or(i64::MAX)
}
