//! Links in mails that act once: what a page may show before, and the act itself. Must not act on a GET, which mail scanners make.

use super::caller::{Account, Standing};
use super::commands::{self, Entry, Seen};
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::engine::{IdempotencyKey, Snapshot};
use crate::ids;
use crate::machine::definition::model::Type;
use crate::machine::snapshot::todo_definition;
use crate::machine::step::Act;
use crate::machine::trade::TodoId;
use crate::machine::value::{Map, Name};
use crate::machine::view;
use crate::store::account_rows;
use crate::store::token_rows::{self, TokenRow};

/// The act that is no outcome.
const CLAIM: &str = "claim";

/// What a link is about.
pub struct Offered {
    pub todo: String,
    pub title: String,
    pub trade: String,
    /// What people call the act.
    pub act: String,
}

struct Found {
    row: TokenRow,
    account: Account,
    seen: Seen,
    title: String,
    act_title: String,
}

/// What the link would do. Changes nothing.
///
/// # Errors
/// `link_used` for one that is used, over, unknown, or about what is no longer to be done.
pub async fn look(state: &AppState, token: &str) -> Result<Offered, Problem> {
    let found = find(state, token).await?;
    let trade = lot(&found.seen.snapshot);
    Ok(Offered {
        todo: found.row.todo,
        title: found.title,
        trade,
        act: found.act_title,
    })
}

/// What the trade is about: the first listed text of its root, else the root's title, as its mails name it.
fn lot(snapshot: &Snapshot) -> String {
    let Some(machine) = snapshot.bundle.machines.get(&snapshot.bundle.root) else {
        return String::new();
    };
    let root = snapshot.trade.instances.get(&snapshot.trade.id);
    let listed = machine
        .data
        .iter()
        .filter(|field| field.listed && field.kind == Type::Text);
    let mut texts = listed.filter_map(|field| root?.data.get(&field.name)?.as_text());
    let named = texts.find(|text| !text.is_empty());
    named.unwrap_or(&machine.title).to_owned()
}

/// Does what the link says, once.
///
/// # Errors
/// `link_used`, or the machine's no; the link is used up by either.
pub async fn perform(state: &AppState, token: &str) -> Result<Offered, Problem> {
    let stamp = state.engine.stamp();
    let Found {
        row,
        account,
        seen,
        title,
        act_title,
    } = find(state, token).await?;
    let act = match row.act.as_str() {
        CLAIM => Act::Claim,
        outcome => Act::complete(outcome, Map::new()),
    };
    // Under one key however often it is pressed: the act happens once even if the row is marked only afterwards.
    let digest = row.token_sha256.clone();
    let key = IdempotencyKey {
        key: format!("mail:{digest}"),
        body_sha256: digest.clone(),
    };
    let todo = TodoId::from(row.todo.as_str());
    let answer = commands::act(state, &account, Entry::new(key, &stamp), &seen, (&todo, act)).await;
    if answer.as_ref().err().is_none_or(|problem| problem.status < 500) {
        let now = state.now().0;
        state
            .engine
            .write("use mail link", move |conn| token_rows::token_take(conn, &digest, now))
            .await?;
    }
    answer?;
    Ok(Offered {
        todo: row.todo,
        title,
        trade: String::new(),
        act: act_title,
    })
}

async fn find(state: &AppState, token: &str) -> Result<Found, Problem> {
    let gone = || Problem::new(Code::LinkUsed);
    let (digest, now) = (ids::digest(token), state.now().0);
    let found = state.engine.read(move |conn| {
        let Some(row) = token_rows::token_find(conn, &digest)? else {
            return Ok(None);
        };
        let Some(account) = account_rows::account_by_id(conn, &row.account)? else {
            return Ok(None);
        };
        let posts = account_rows::post_list(conn, &account.id)?;
        Ok(Some((row, account, posts)))
    });
    let (row, account, posts) = found.await?.ok_or_else(gone)?;
    if row.used_at.is_some() || row.expires_at <= now || account.disabled_at.is_some() {
        return Err(gone());
    }
    let account = Account::of(&account, posts);
    let snapshot = state
        .engine
        .trade(&Name::from(row.instance.as_str()))
        .await
        .map_err(|_| gone())?;
    let instance = snapshot.trade.instances.get(&*row.instance).cloned().ok_or_else(gone)?;
    let seen = Seen { snapshot, instance };
    let (title, act_title) = mailable(&seen, &row, &account).ok_or_else(gone)?;
    Ok(Found {
        row,
        account,
        seen,
        title,
        act_title,
    })
}

/// The to-do's title and the act's, where it is still open, still concerns the account, and the workflow lets the act be done by mail.
fn mailable(seen: &Seen, row: &TokenRow, account: &Account) -> Option<(String, String)> {
    let Seen { snapshot, instance } = seen;
    let todo = instance.todos.get(&*row.todo)?;
    let definition = todo_definition(&snapshot.bundle, instance, todo)?;
    let concerned = view::concerns(&snapshot.bundle, &snapshot.trade, instance, todo, &account.actor);
    let allowed = account.standing == Standing::Ordinary && definition.mailable.contains(&*row.act);
    let act_title = || definition.act_title(&row.act).to_owned();
    (concerned && allowed).then(|| (definition.title.clone(), act_title()))
}
