//! Signing in and out. Must not know how passwords or tokens work.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::caller::SignedIn;
use crate::http::extract::Json;
use crate::http::middleware::address;
use crate::http::problem::Problem;
use crate::http::sign_in::{self, Issued};
use crate::http::state::AppState;
use crate::store::session_rows;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// 登录名
    name: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
pub struct Signed {
    /// `Authorization: Bearer …`
    access_token: String,
    /// Good once; each refresh gives the next.
    refresh_token: String,
    /// Seconds until the access token ends.
    expires_in: i64,
}

impl From<Issued> for Signed {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access,
            refresh_token: issued.refresh,
            expires_in: issued.seconds,
        }
    }
}

/// `POST /api/v1/auth/login`: signs in with a password.
///
/// # Errors
/// `login_failed`, `locked`, `too_many_requests`.
pub async fn login(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Json<Login>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let Json(Login { name, password }) = body;
    let issued = sign_in::by_password(&state, name.trim().to_lowercase(), password).await?;
    Ok(HttpResponse::Ok().json(Signed::from(issued)))
}

/// `POST /api/v1/auth/refresh`: gives new tokens for a refresh token, which is used up.
///
/// # Errors
/// `token_expired`, `too_many_requests`.
pub async fn refresh(
    state: web::Data<AppState>,
    request: HttpRequest,
    body: Json<Refresh>,
) -> Result<HttpResponse, Problem> {
    state.limits.login(address(&request))?;
    let issued = sign_in::refresh(&state, &body.0.refresh_token).await?;
    Ok(HttpResponse::Ok().json(Signed::from(issued)))
}

/// `POST /api/v1/auth/logout`: ends the session of the token.
///
/// # Errors
/// A failing store.
pub async fn logout(state: web::Data<AppState>, account: SignedIn) -> Result<HttpResponse, Problem> {
    let (session, now) = (account.session.clone(), state.now().0);
    state
        .engine
        .write("sign-out", move |conn| {
            session_rows::session_revoke(conn, &session, now)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
