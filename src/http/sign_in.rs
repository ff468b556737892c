//! Sign-in: passwords, slow-down and lockout, sessions with rotating refresh tokens. Must not know HTTP.

use super::problem::{Code, Problem};
use super::state::AppState;
use crate::ids;
use crate::machine::Time;
use crate::store::account_rows::{self, AccountRow};
use crate::store::session_rows::{self, RefreshRow, SessionRow};
use crate::store::{Connection, StoreError};

/// From this failure on each further one locks the account, twice as long as before.
const FREE_FAILURES: i64 = 5;
/// The first lock, in milliseconds.
const FIRST_LOCK: i64 = 30_000;
/// The longest lock: one who guesses gets 96 tries a day, one who forgot waits a quarter of an hour.
const LONGEST_LOCK: i64 = 900_000;
/// For so long a used refresh token still gives the same successor, in milliseconds: the first answer may have been lost.
const ASKED_AGAIN: i64 = 60_000;

/// The tokens of a session, as a client gets them.
pub struct Issued {
    pub access: String,
    pub refresh: String,
    /// How long the access token holds, in seconds.
    pub seconds: i64,
}

/// Signs in with name and password.
///
/// # Errors
/// `login_failed`, the same for an unknown name and a wrong password; `locked` after too many.
pub async fn by_password(state: &AppState, name: String, password: String) -> Result<Issued, Problem> {
    let now = state.now();
    let found = state
        .engine
        .read(move |conn| account_rows::account_by_name(conn, &name))
        .await?;
    // A locked account is refused before its password is looked at, or the lock would not slow a guesser down.
    if let Some(until) = found
        .as_ref()
        .and_then(|row| row.locked_until)
        .filter(|until| now.0 < *until)
    {
        let seconds = u32::try_from((until - now.0) / 1_000 + 1).unwrap_or(u32::MAX);
        return Err(Problem::new(Code::Locked).retry_after(seconds));
    }
    let hash = found.as_ref().map(|row| row.password_hash.clone());
    let fits = state.passwords.fits(password, hash).await?;
    match found {
        Some(row) if fits && row.disabled_at.is_none() => open(state, row, now).await,
        Some(row) if !fits => {
            fail(state, row, now).await?;
            Err(Problem::new(Code::LoginFailed))
        }
        _ => Err(Problem::new(Code::LoginFailed)),
    }
}

async fn fail(state: &AppState, row: AccountRow, now: Time) -> Result<(), Problem> {
    let record = move |conn: &mut Connection| {
        // Counted on the row as it is now: guesses sent at the same time must not share one count.
        let failures = account_rows::account_by_id(conn, &row.id)?.map_or(row.failures, |row| row.failures);
        account_rows::account_fail(conn, &row.id, lock_after(failures + 1).map(|millis| now.0 + millis))
    };
    Ok(state.engine.write("sign-in failed", record).await?)
}

/// How long an account is locked after its nth failure in a row, in milliseconds.
fn lock_after(failures: i64) -> Option<i64> {
    let doublings = failures.checked_sub(FREE_FAILURES).filter(|over| *over >= 0)?;
    Some((FIRST_LOCK << doublings.min(20)).min(LONGEST_LOCK))
}

/// Opens a session for an account that has proven who it is.
///
/// # Errors
/// No randomness, or a failing store.
pub async fn open(state: &AppState, row: AccountRow, now: Time) -> Result<Issued, Problem> {
    let days = i64::from(state.config.login.refresh_days);
    let session = SessionRow {
        id: ids::id()?,
        account: row.id.clone(),
        version: row.session_version,
        created_at: now.0,
        expires_at: now.0.saturating_add(days * 86_400_000),
        revoked_at: None,
    };
    let refresh = ids::secret()?;
    let token = RefreshRow {
        sha256: ids::digest(&refresh),
        session: session.id.clone(),
        created_at: now.0,
        used_at: None,
    };
    let access = state.tokens.issue(&row.id, &session.id, row.session_version, now)?;
    let record = move |conn: &mut Connection| {
        if row.failures > 0 {
            account_rows::account_succeed(conn, &row.id)?;
        }
        session_rows::session_insert(conn, &session)?;
        session_rows::refresh_insert(conn, &token)
    };
    state.engine.write("sign-in", record).await?;
    Ok(Issued {
        access,
        refresh,
        seconds: state.tokens.seconds,
    })
}

enum Refreshed {
    Done(Box<AccountRow>, String),
    No,
    /// The token was used before: two have it, and nobody can tell which one is the thief.
    Stolen,
}

/// Gives a new pair for a refresh token, which is used up. A used one that comes back ends the session, except within a minute and
/// as long as nobody has used its successor: it then gives the same successor again.
///
/// # Errors
/// `token_expired` for whatever is not a fresh token of a session that stands.
pub async fn refresh(state: &AppState, token: &str) -> Result<Issued, Problem> {
    let now = state.now();
    let digest = ids::digest(token);
    let next = state.tokens.successor(token)?;
    let next_digest = ids::digest(&next);
    let turn = move |conn: &mut Connection| rotate(conn, &digest, next_digest, now);
    match state.engine.write("refresh", turn).await? {
        Refreshed::Done(row, session) => {
            let access = state.tokens.issue(&row.id, &session, row.session_version, now)?;
            Ok(Issued {
                access,
                refresh: next,
                seconds: state.tokens.seconds,
            })
        }
        Refreshed::Stolen => {
            tracing::warn!("a used refresh token came back; its session has been ended");
            Err(Problem::new(Code::TokenExpired))
        }
        Refreshed::No => Err(Problem::new(Code::TokenExpired)),
    }
}

fn rotate(conn: &mut Connection, digest: &str, next: String, now: Time) -> Result<Refreshed, StoreError> {
    let first = session_rows::refresh_use(conn, digest, now.0)?;
    // Looked at afterwards: two that come at the same time wait for each other above.
    let Some(token) = session_rows::refresh_by_digest(conn, digest)? else {
        return Ok(Refreshed::No);
    };
    if !first && !asked_again(conn, &token, &next, now)? {
        session_rows::session_revoke(conn, &token.session, now.0)?;
        return Ok(Refreshed::Stolen);
    }
    let Some(session) = session_rows::session_by_id(conn, &token.session)? else {
        return Ok(Refreshed::No);
    };
    if session.revoked_at.is_some() || session.expires_at <= now.0 {
        return Ok(Refreshed::No);
    }
    let Some(row) = account_rows::account_by_id(conn, &session.account)? else {
        return Ok(Refreshed::No);
    };
    if row.disabled_at.is_some() || row.session_version != session.version {
        return Ok(Refreshed::No);
    }
    if first {
        let fresh = RefreshRow {
            sha256: next,
            session: session.id.clone(),
            created_at: now.0,
            used_at: None,
        };
        session_rows::refresh_insert(conn, &fresh)?;
    }
    Ok(Refreshed::Done(Box::new(row), session.id))
}

/// True where a used token was used a moment ago and what it gave is still unused, as after an answer that was lost.
fn asked_again(conn: &mut Connection, used: &RefreshRow, next: &str, now: Time) -> Result<bool, StoreError> {
    let lately = used.used_at.is_some_and(|at| now.0 - at < ASKED_AGAIN);
    let successor = session_rows::refresh_by_digest(conn, next)?;
    Ok(lately && successor.is_some_and(|successor| successor.used_at.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_double_up_to_a_quarter_of_an_hour() {
        let locks: Vec<_> = [4, 5, 6, 9, 10, 60, i64::MAX].into_iter().map(lock_after).collect();
        let expected = [
            None,
            Some(30_000),
            Some(60_000),
            Some(480_000),
            Some(900_000),
            Some(900_000),
            Some(900_000),
        ];
        assert_eq!(locks, expected);
    }
}
