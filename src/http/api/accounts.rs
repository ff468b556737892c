//! Accounts: registering oneself, and what an admin does with others'. Must not know how passwords are kept.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::caller::{SignedIn, Standing};
use crate::http::extract::{self, Command, Query};
use crate::http::middleware::address;
use crate::http::once::once;
use crate::http::page::{Cursor, Page};
use crate::http::people::{self, NewAccount};
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::identity::Kind;
use crate::store::account_rows::{self, AccountRow};
use crate::store::challenge_rows::{self, StaffNumberRow};
use crate::store::{Connection, StoreError};

/// Registers an account that takes part in trades once its profile is complete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// 登录名：小写字母与数字
    name: String,
    display_name: String,
    email: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    /// Absent: the sign-in name.
    #[serde(default)]
    display_name: Option<String>,
    email: String,
    password: String,
    #[serde(default = "ordinary")]
    standing: Standing,
    #[serde(default)]
    posts: Vec<Post>,
}

fn ordinary() -> Standing {
    Standing::Ordinary
}

/// A post at an organisation; the trading centre's own code is `centre`.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Post {
    pub post: String,
    pub organisation: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Created {
    id: String,
}

/// `POST /api/v1/accounts`: opens an account for whoever asks.
///
/// # Errors
/// `invalid`, `name_taken`, `too_many_requests`.
pub async fn register(
    state: web::Data<AppState>,
    request: HttpRequest,
    command: Command<Register>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Register {
        name,
        display_name,
        email,
        password,
    } = command.body;
    people::check_new(&name, &display_name, &email, &password)?;
    let password_hash = state.passwords.hash(password).await?;
    let (standing, posts, at) = (Standing::Ordinary, Vec::new(), state.now().0);
    let new = NewAccount {
        name: name.clone(),
        display_name,
        email,
        password_hash,
        standing,
        posts,
        at,
    };
    // Nobody is signed in, so the key counts per name: a stranger's key must not give this answer.
    let actor = format!("register:{name}");
    let run = move |conn: &mut _| Ok(people::create(conn, new)?.map(|id| Created { id }));
    let created = once(&state, &actor, command.key, "register", run).await?;
    Ok(HttpResponse::Created().json(created))
}

/// `POST /api/v1/admin/accounts`: opens an account with posts or another standing.
///
/// # Errors
/// `invalid`, `name_taken`.
pub async fn create(
    state: web::Data<AppState>,
    admin: SignedIn,
    command: Command<Create>,
) -> Result<HttpResponse, Problem> {
    let Create {
        name,
        display_name,
        email,
        password,
        standing,
        posts,
    } = command.body;
    let display_name = display_name.unwrap_or_else(|| name.clone());
    people::check_new(&name, &display_name, &email, &password)?;
    let posts: Vec<_> = posts.into_iter().map(|post| (post.post, post.organisation)).collect();
    for (post, _) in &posts {
        people::check_line("post", post, 60)?;
    }
    let standing = people::standing_of(standing, &posts)?;
    let password_hash = state.passwords.hash(password).await?;
    let new = NewAccount {
        name,
        display_name,
        email,
        password_hash,
        standing,
        posts,
        at: state.now().0,
    };
    let run = move |conn: &mut _| Ok(people::create(conn, new)?.map(|id| Created { id }));
    let created = once(&state, &admin.id, command.key, "create account", run).await?;
    Ok(HttpResponse::Created().json(created))
}

/// `GET /api/v1/admin/accounts`
///
/// # Errors
/// `invalid_cursor`.
pub async fn list(state: web::Data<AppState>, mut query: Query) -> Result<HttpResponse, Problem> {
    let page = Page::parse(query.take("after").as_deref(), query.take("limit").as_deref())?;
    query.finish()?;
    let limit = page.limit;
    let after = page.after.map(|cursor| cursor.id);
    let rows = state.engine.read(move |conn| {
        let rows = account_rows::account_page(conn, after.as_deref(), i64::try_from(limit).unwrap_or(i64::MAX))?;
        rows.into_iter()
            .map(|row| Ok((account_rows::post_list(conn, &row.id)?, row)))
            .collect::<Result<Vec<_>, _>>()
    });
    let rows = rows.await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|(_, row)| {
        Cursor {
            key: 0,
            id: row.id.clone(),
        }
        .encode()
    });
    let items: Vec<_> = rows.iter().map(|(posts, row)| present(row, posts)).collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"items": items, "next": next})))
}

fn present(row: &AccountRow, posts: &[(String, String)]) -> serde_json::Value {
    let posts: Vec<_> = posts
        .iter()
        .map(|(post, organisation)| Post {
            post: post.clone(),
            organisation: organisation.clone(),
        })
        .collect();
    serde_json::json!({
        "id": row.id, "name": row.name, "display_name": row.display_name, "email": row.email,
        "standing": row.standing, "member": row.member, "party": row.party, "posts": posts,
        "disabled": row.disabled_at.is_some(), "created_at": row.created_at,
    })
}

/// `POST /api/v1/admin/accounts/{id}/disable`: nobody signs in to it any more.
///
/// # Errors
/// `not_found`, `conflict` for one's own.
pub async fn disable(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<extract::Empty>,
) -> Result<HttpResponse, Problem> {
    let id = extract::id(&path)?.to_owned();
    if id == admin.id {
        return Err(Problem::new(Code::Conflict).detail("an admin cannot disable the account in use"));
    }
    let at = state.now().0;
    let run = move |conn: &mut _| {
        let found = account_rows::account_disable(conn, &id, at)?;
        Ok(if found {
            Ok(Created { id })
        } else {
            Err(Problem::new(Code::NotFound))
        })
    };
    let done = once(&state, &admin.id, command.key, "disable account", run).await?;
    Ok(HttpResponse::Ok().json(done))
}

/// Whose certificate signs in to an account of staff.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// 公民身份号码
    code: String,
}

/// `POST /api/v1/admin/accounts/{id}/bind`: binds an account of staff to a person's number; whoever proves it with a certificate
/// signs in to the account.
///
/// # Errors
/// `invalid`, `not_found`, `conflict` for an account that is not of staff, `identity_unavailable`.
pub async fn bind(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<Bind>,
) -> Result<HttpResponse, Problem> {
    let (id, code) = (extract::id(&path)?.to_owned(), command.body.code);
    people::check_party(Kind::Person, &code)?;
    let row = StaffNumberRow {
        account: id,
        code,
        bound_by: admin.id.clone(),
        bound_at: state.now().0,
    };
    tracing::info!(
        account = row.account,
        by = admin.id,
        "an account of staff is bound to a number"
    );
    let run = move |conn: &mut Connection| {
        if let Err(problem) = bindable(conn, &row)? {
            return Ok(Err(problem));
        }
        challenge_rows::staff_number_set(conn, &row)?;
        Ok(Ok(Created { id: row.account }))
    };
    let done = once(&state, &admin.id, command.key, "bind account", run).await?;
    Ok(HttpResponse::Ok().json(done))
}

/// One person, one account: who takes part in trades by certificate must not enter as staff, and no number leads to two accounts.
fn bindable(conn: &mut Connection, row: &StaffNumberRow) -> Result<Result<(), Problem>, StoreError> {
    let Some(account) = account_rows::account_by_id(conn, &row.account)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let staff = account.party.is_none() && !account_rows::post_list(conn, &account.id)?.is_empty();
    if !(staff || account.standing == Standing::Admin.as_str()) || account.disabled_at.is_some() {
        return Ok(Err(Problem::new(Code::Conflict).detail("this is no account of staff")));
    }
    let other = challenge_rows::staff_by_number(conn, &row.code)?;
    let elsewhere = other.is_some_and(|other| other.account != row.account);
    let person = Kind::Person.as_str();
    let own = match account_rows::party_by_code(conn, person, &row.code)? {
        Some(party) => account_rows::account_of_party(conn, &party.id)?,
        None => None,
    };
    let proven = match own {
        Some(own) => !challenge_rows::certificates_of(conn, &own.id)?.is_empty(),
        None => false,
    };
    Ok(if elsewhere || proven {
        Err(Problem::new(Code::IdentityUnavailable))
    } else {
        Ok(())
    })
}

/// `POST /api/v1/admin/accounts/{id}/unbind`: takes a binding away, and ends the account's sessions.
///
/// # Errors
/// `not_found`.
pub async fn unbind(
    state: web::Data<AppState>,
    admin: SignedIn,
    path: web::Path<String>,
    command: Command<extract::Empty>,
) -> Result<HttpResponse, Problem> {
    let id = extract::id(&path)?.to_owned();
    tracing::info!(
        account = id,
        by = admin.id,
        "an account of staff is no longer bound to a number"
    );
    let run = move |conn: &mut Connection| {
        if !challenge_rows::staff_number_clear(conn, &id)? {
            return Ok(Err(Problem::new(Code::NotFound)));
        }
        account_rows::account_end_sessions(conn, &id)?;
        Ok(Ok(Created { id }))
    };
    let done = once(&state, &admin.id, command.key, "unbind account", run).await?;
    Ok(HttpResponse::Ok().json(done))
}
