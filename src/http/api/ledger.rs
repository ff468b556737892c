//! The money of a trade: its postings and what each account holds. Must not move any, and must not show money of instances that
//! the reader may not know of yet: how much is held before the close tells how many have registered.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::caller::Caller;
use crate::http::extract;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::ledger::balances;
use crate::machine::value::Name;
use crate::machine::view;
use crate::store::ledger_rows;

/// `GET /api/v1/admin/instances/{id}/ledger`: postings and balances of its trade, as far as the caller may see their instances.
///
/// # Errors
/// `not_found`.
pub async fn show(
    state: web::Data<AppState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let snapshot = state.engine.trade(&Name::from(extract::id(&path)?)).await?;
    let trade = snapshot.trade.id.to_string();
    let rows = state
        .engine
        .read(move |conn| ledger_rows::postings_of_trade(conn, &trade))
        .await?;
    let eyes = caller.eyes();
    let seen = |instance: &str| {
        let found = snapshot.trade.instances.get(instance);
        found.is_some_and(|found| view::may_see(&snapshot.bundle, &snapshot.trade, found, eyes.reader()))
    };
    let rows: Vec<_> = rows.into_iter().filter(|row| seen(&row.instance)).collect();
    let lines = rows.iter().map(|row| (row.account.as_str(), row.amount));
    let accounts = balances(lines).map_err(|_| Problem::new(Code::Conflict).detail("the balance is out of range"))?;
    let postings: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({"instance": row.instance, "movement": row.movement, "account": row.account, "amount": row.amount,
                "reference": row.reference, "at": row.at})
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"accounts": accounts, "postings": postings})))
}
