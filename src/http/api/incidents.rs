//! Incidents: what the machinery could not do, and trying it again. Must not repair a trade's data.

use actix_web::{HttpResponse, web};
use serde_json::{Value as Json, json};

use crate::engine::IdempotencyKey;
use crate::http::caller::{Caller, SignedIn};
use crate::http::commands::{self, Entry};
use crate::http::extract::{self, Command, Empty, Query};
use crate::http::once;
use crate::http::page::Page;
use crate::http::problem::{Code, Problem};
use crate::http::rows;
use crate::http::state::AppState;
use crate::machine::step::Cause;
use crate::machine::value::Name;
use crate::machine::view::Reader;
use crate::store::incident_rows::{self, IncidentRow};
use crate::store::outbox_rows;

/// `GET /api/v1/admin/incidents`
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, caller: Caller, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let present = async |row: &IncidentRow| Ok(shown(&state, &caller, row).await);
    let (items, next) = rows::incidents(&state, page, present).await?;
    Ok(HttpResponse::Ok().json(json!({"items": items, "next": next})))
}

/// What went wrong with an instance that the reader may not know of yet would tell them that there is one. Who has to mend it is told what
/// failed and not with whom.
async fn shown(state: &AppState, caller: &Caller, row: &IncidentRow) -> Option<Json> {
    let eyes = caller.eyes();
    let known = match &row.instance {
        Some(instance) => matches!(commands::listed(state, instance, &eyes).await, Ok(Some(_))),
        None => true,
    };
    let (instance, text) = match (known, eyes.reader()) {
        (true, _) => (row.instance.clone(), row.text.clone()),
        (false, Reader::Operator) => (None, nameless(&row.text)),
        (false, Reader::Actor(_)) => return None,
    };
    Some(
        json!({"id": row.id, "trade": row.trade, "instance": instance, "kind": row.kind, "place": row.place,
        "text": text, "opened_at": row.opened_at, "closed_at": row.closed_at, "closed_by": row.closed_by}),
    )
}

/// The words of a text without those that could name somebody: mail addresses, numbers of telephones and persons, ids, and what is not
/// ASCII, such as names.
fn nameless(text: &str) -> String {
    let names = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        word.contains('@') || digits > 5 || word.len() >= 26 || !word.is_ascii()
    };
    let words = text.split_whitespace();
    let words = words.map(|word| if names(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// `POST /api/v1/admin/incidents/{id}/retry`: tries again what failed, an effect from its first attempt on, or the timers of the
/// instance that wait for an admin.
///
/// # Errors
/// `not_found`, `conflict` where nothing waits for it.
pub async fn retry(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<Empty>,
) -> Result<HttpResponse, Problem> {
    let id = extract::id(&path)?.to_owned();
    let wanted = id.clone();
    let row = state
        .engine
        .read(move |conn| incident_rows::incident_get(conn, &wanted))
        .await?;
    let row = row.ok_or_else(|| Problem::new(Code::NotFound))?;
    if row.closed_at.is_none() && row.kind != "outbox" {
        fire(&state, &admin, &row, &command.key).await?;
    }
    let (by, at) = (admin.id.clone(), state.now());
    let run = move |conn: &mut _| {
        if row.closed_at.is_some() {
            return Ok(Err(Problem::new(Code::Conflict).detail("the incident is closed")));
        }
        if row.kind == "outbox" && !outbox_rows::outbox_retry(conn, &row.place, at)? {
            return Ok(Err(
                Problem::new(Code::Conflict).detail("the effect does not wait for a retry")
            ));
        }
        incident_rows::incident_close(conn, &id, &by, at)?;
        Ok(Ok(json!({"id": id, "retried": true})))
    };
    let done = once::once(&state, &admin.id, command.key, "retry incident", run).await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Fires the held timers of the instance once more; a timer that fails again opens an incident of its own.
async fn fire(state: &AppState, admin: &SignedIn, row: &IncidentRow, key: &IdempotencyKey) -> Result<(), Problem> {
    let Some(instance) = row.instance.as_deref().map(Name::from) else {
        return Err(Problem::new(Code::Conflict).detail("there is nothing to try again"));
    };
    let snapshot = state.engine.trade(&instance).await?;
    let timers = snapshot.trade.instances.get(&instance).map(|instance| &instance.timers);
    let held = timers
        .into_iter()
        .flatten()
        .filter(|(_, timer)| timer.held)
        .map(|(name, _)| name.clone());
    for timer in held {
        let key = IdempotencyKey {
            key: format!("{}:{timer}", key.key),
            body_sha256: key.body_sha256.clone(),
        };
        let cause = Cause::Retry { timer };
        let stamp = state.engine.stamp();
        let entry = Entry::new(key, &stamp);
        commands::offer(state, admin.actor.clone(), entry, &instance, cause).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::nameless;

    #[test]
    fn a_text_for_operators_names_nobody() {
        let text = "550 <p101@example.test>: mailbox of 张三 (430102199001011234) unavailable, call 13800000000";
        assert_eq!(nameless(text), "550 … mailbox of … … unavailable, call …");
        assert_eq!(
            nameless("connection refused (os error 111)"),
            "connection refused (os error 111)"
        );
    }
}
