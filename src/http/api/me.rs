//! One's own account: what it is, completing the profile, changing the password. Must not show another's.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::accounts::Post;
use crate::http::caller::SignedIn;
use crate::http::extract::{Json, etag, if_match};
use crate::http::middleware::address;
use crate::http::password;
use crate::http::people;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::identity::Kind;
use crate::ids;
use crate::store::account_rows::{self, AccountRow, PartyRow};
use crate::store::{Connection, StoreError};

#[derive(Serialize, ToSchema)]
pub struct Me {
    id: String,
    name: String,
    display_name: String,
    email: String,
    phone: Option<String>,
    address: Option<String>,
    standing: String,
    /// 资料已完善，可以参加交易
    member: bool,
    party: Option<Party>,
    posts: Vec<Post>,
}

#[derive(Serialize, ToSchema)]
pub struct Party {
    id: String,
    kind: String,
    name: String,
    /// All but the last four characters hidden.
    code: String,
}

/// Who one is. The number is checked by form, date and check digit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[schema(schema_with = kind_schema)]
    kind: Kind,
    /// 姓名或单位名称
    name: String,
    /// 公民身份号码或统一社会信用代码
    code: String,
    email: String,
    phone: String,
    #[serde(default)]
    address: Option<String>,
}

/// What the documentation says of the kind, which the room that owns it cannot say: it knows no HTTP.
fn kind_schema() -> Object {
    let names = Kind::ALL.map(Kind::as_str);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .build()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    old: String,
    new: String,
}

/// `GET /api/v1/me`
///
/// # Errors
/// `not_found`.
pub async fn show(state: web::Data<AppState>, account: SignedIn) -> Result<HttpResponse, Problem> {
    let id = account.id.clone();
    let (row, party) = state.engine.read(move |conn| load(conn, &id)).await?;
    Ok(present(&account, row, party))
}

fn load(conn: &mut Connection, id: &str) -> Result<(AccountRow, Option<PartyRow>), StoreError> {
    let row = account_rows::account_by_id(conn, id)?.ok_or(StoreError::NotFound)?;
    let party = row
        .party
        .as_deref()
        .map(|party| account_rows::party_by_id(conn, party))
        .transpose()?;
    Ok((row, party.flatten()))
}

fn present(account: &SignedIn, row: AccountRow, party: Option<PartyRow>) -> HttpResponse {
    let posts = account.actor.posts.iter();
    let me = Me {
        id: row.id,
        name: row.name,
        display_name: row.display_name,
        email: row.email,
        phone: row.phone,
        address: row.address,
        standing: row.standing,
        member: row.member,
        party: party.map(|party| Party {
            id: party.id,
            kind: party.kind,
            name: party.name,
            code: masked(&party.code),
        }),
        posts: posts
            .map(|(post, at)| Post {
                post: post.to_string(),
                organisation: at.to_string(),
            })
            .collect(),
    };
    HttpResponse::Ok().insert_header((ETAG, etag(row.version))).json(me)
}

fn masked(code: &str) -> String {
    let hidden = code.chars().count().saturating_sub(4);
    code.chars()
        .enumerate()
        .map(|(at, c)| if at < hidden { '*' } else { c })
        .collect()
}

/// `PUT /api/v1/me/profile`: says who one is, once, and how one is reached, as often as that changes.
///
/// # Errors
/// `invalid`, `precondition_required`, `precondition_failed`, `identity_unavailable`.
pub async fn complete(
    state: web::Data<AppState>,
    request: HttpRequest,
    account: SignedIn,
    body: Json<Profile>,
) -> Result<HttpResponse, Problem> {
    let profile = body.0;
    check(&profile)?;
    let version = if_match(&request)?;
    let (id, at, party) = (account.id.clone(), state.now().0, ids::id()?);
    let edit = move |conn: &mut Connection| edit(conn, &id, version, profile, party, at);
    let (row, party) = state.engine.write("complete profile", edit).await??;
    Ok(present(&account, row, party))
}

fn check(profile: &Profile) -> Result<(), Problem> {
    people::check_line("name", &profile.name, 100)?;
    people::check_party(profile.kind, &profile.code)?;
    people::check_email(&profile.email)?;
    people::check_phone(&profile.phone)?;
    profile
        .address
        .as_deref()
        .map_or(Ok(()), |address| people::check_line("address", address, 200))
}

type Edited = Result<(AccountRow, Option<PartyRow>), Problem>;

/// Who an account is, once said, stays: an identity that could be changed after applying would be another's.
fn edit(
    conn: &mut Connection,
    id: &str,
    version: i64,
    profile: Profile,
    fresh: String,
    at: i64,
) -> Result<Edited, StoreError> {
    let (row, known) = load(conn, id)?;
    if row.version != version {
        return Ok(Err(Problem::new(Code::PreconditionFailed)));
    }
    let kind = profile.kind.as_str().to_owned();
    let party = match known {
        Some(party) if (&party.kind, &party.code, &party.name) != (&kind, &profile.code, &profile.name) => {
            return Ok(Err(
                Problem::new(Code::IdentityUnavailable).detail("the identity of an account cannot be changed")
            ));
        }
        Some(party) => party,
        None => {
            let new = PartyRow {
                id: fresh,
                kind,
                code: profile.code,
                name: profile.name,
                created_at: at,
            };
            let existing = account_rows::party_by_code(conn, &new.kind, &new.code)?;
            // One account acts for a party. Who else claims it has to come to the centre.
            if existing.is_some() {
                return Ok(Err(Problem::new(Code::IdentityUnavailable)));
            }
            people::party(conn, &new)?
        }
    };
    let complete = account_rows::Profile {
        display_name: party.name.clone(),
        email: profile.email,
        phone: profile.phone,
        address: profile.address,
        party: party.id.clone(),
    };
    if !account_rows::account_complete(conn, id, version, &complete)? {
        return Err(StoreError::Conflict);
    }
    load(conn, id).map(Ok)
}

/// `PUT /api/v1/me/password`
///
/// # Errors
/// `invalid` for a weak password and for a wrong old one, `too_many_requests`.
pub async fn change_password(
    request: HttpRequest,
    state: web::Data<AppState>,
    account: SignedIn,
    body: Json<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    // Whoever holds a stolen access token must not guess the password faster here than at the login.
    state.limits.login(address(&request))?;
    let id = account.id.clone();
    let (row, _) = state.engine.read(move |conn| load(conn, &id)).await?;
    password::check_new(&body.0.new, &row.name)?;
    if !state.passwords.fits(body.0.old, Some(row.password_hash)).await? {
        return Err(Problem::field("old", "is not the password"));
    }
    let hash = state.passwords.hash(body.0.new).await?;
    let id = account.id.clone();
    state
        .engine
        .write("change password", move |conn| {
            account_rows::account_set_password(conn, &id, &hash)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
