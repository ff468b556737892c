//! The trusted authorities, their revocation lists and profiles, as an admin keeps them. Must not fetch anything.

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::http::caller::SignedIn;
use crate::http::extract::{self, Command};
use crate::http::once::once;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::ids;
use crate::seal::certificate::Certificate;
use crate::seal::trust::{CaProfile, RevocationList, TrustStore};
use crate::store::trust_rows::{self, TrustRow};
use crate::trust::EntryKind;

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Authority,
    List,
    Profile,
}

/// What is added: PEM or base64 of an authority or a revocation list, or the JSON text of a profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    kind: Kind,
    content: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Added {
    id: String,
    title: String,
}

/// `GET /api/v1/admin/trust`: what admins have added, and what counts now.
///
/// # Errors
/// A failing store.
pub async fn list(state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let entries = state.engine.read(trust_rows::trust_current).await?;
    let store = state.trust.current();
    let entries: Vec<_> = entries
        .iter()
        .map(|row| {
            serde_json::json!({"id": row.id, "kind": row.kind, "title": row.title, "sha256": row.sha256,
                "added_by": row.added_by, "added_at": row.added_at})
        })
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "entries": entries, "authorities": authorities(&store), "lists": lists(&store),
        "profiles": store.profiles().collect::<Vec<_>>(),
    })))
}

/// What counts now, from the folder and the entries together.
fn authorities(store: &TrustStore) -> Vec<serde_json::Value> {
    let one = |authority: &Certificate| {
        let (from, until) = authority.period();
        let key = authority.extensions().subject_key.as_ref().map(hex::encode);
        serde_json::json!({"name": authority.subject().shown(), "issuer": authority.issuer().shown(),
            "sha256": authority.sha256(), "subject_key": key, "not_before": from, "not_after": until,
            "profile": store.profile(authority).map(|profile| &profile.name)})
    };
    store.authorities().iter().map(one).collect()
}

fn lists(store: &TrustStore) -> Vec<serde_json::Value> {
    let one = |(list, signer): (&RevocationList, Option<&Certificate>)| {
        serde_json::json!({"issuer": list.issuer().shown(), "this_update": list.this_update(),
            "next_update": list.next_update(), "entries": list.count(),
            "signed_by": signer.map(Certificate::sha256)})
    };
    store.lists().map(one).collect()
}

/// `POST /api/v1/admin/trust`
///
/// # Errors
/// `invalid`, `conflict` for what is there already.
pub async fn add(state: web::Data<AppState>, admin: SignedIn, command: Command<Add>) -> Result<HttpResponse, Problem> {
    let (kind, title, content) = read(&command.body)?;
    let row = TrustRow {
        id: ids::id()?,
        kind: kind.as_str().to_owned(),
        sha256: hex::encode(Sha256::digest(content.as_bytes())),
        title,
        content,
        added_by: admin.id.clone(),
        added_at: state.now().0,
        removed_by: None,
        removed_at: None,
    };
    tracing::info!(
        kind = row.kind,
        title = row.title,
        by = admin.id,
        "an entry is added to the trust store"
    );
    let run = move |conn: &mut _| {
        if trust_rows::trust_by_digest(conn, &row.sha256)?.is_some_and(|known| known.removed_at.is_none()) {
            return Ok(Err(Problem::new(Code::Conflict).detail("this is there already")));
        }
        trust_rows::trust_forget(conn, &row.sha256)?;
        trust_rows::trust_insert(conn, &row)?;
        Ok(Ok(Added {
            id: row.id,
            title: row.title,
        }))
    };
    let added = once(&state, &admin.id, command.key, "add trust", run).await?;
    state.trust.refresh(&state.engine).await?;
    Ok(HttpResponse::Created().json(added))
}

/// Checks what is added, and gives it the form in which it is kept.
fn read(body: &Add) -> Result<(EntryKind, String, String), Problem> {
    let wrong = |fault: &dyn std::fmt::Display| Problem::field("content", fault.to_string());
    let bytes = body.content.trim().as_bytes();
    match body.kind {
        Kind::Authority => {
            let authority = Certificate::from_any(bytes).map_err(|fault| wrong(&fault))?;
            if !authority.extensions().authority.is_some_and(|(is_one, _)| is_one) {
                return Err(wrong(&"is not the certificate of an authority"));
            }
            let title = authority.subject().shown().to_owned();
            Ok((EntryKind::Authority, title, authority.to_pem()))
        }
        Kind::List => {
            let list = RevocationList::from_any(bytes).map_err(|fault| wrong(&fault))?;
            let content = base64::engine::general_purpose::STANDARD.encode(list.der());
            Ok((EntryKind::List, list.issuer().shown().to_owned(), content))
        }
        Kind::Profile => {
            let profile: CaProfile = serde_json::from_slice(bytes).map_err(|fault| wrong(&fault))?;
            let content = serde_json::to_string(&profile).map_err(|fault| wrong(&fault))?;
            Ok((EntryKind::Profile, profile.name, content))
        }
    }
}

/// `POST /api/v1/admin/trust/{id}/remove`
///
/// # Errors
/// `not_found`.
pub async fn remove(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<extract::Empty>,
) -> Result<HttpResponse, Problem> {
    let id = extract::id(&path)?.to_owned();
    let (by, at) = (admin.id.clone(), state.now().0);
    tracing::info!(entry = id, by, "an entry is taken out of the trust store");
    let run = move |conn: &mut _| {
        let gone = trust_rows::trust_remove(conn, &id, &by, at)?;
        Ok(if gone {
            Ok(Added {
                id,
                title: String::new(),
            })
        } else {
            Err(Problem::new(Code::NotFound))
        })
    };
    once(&state, &admin.id, command.key, "remove trust", run).await?;
    state.trust.refresh(&state.engine).await?;
    Ok(HttpResponse::NoContent().finish())
}
