//! Who calls: the account behind a token, with the relations that roles are resolved from, and what it may do at all.
//! Must not decide about a trade: a machine does, from the actor.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use super::known::{Known, Sharing};
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::machine::Time;
use crate::machine::step::Actor;
use crate::machine::value::Name;
use crate::machine::view::Reader;
use crate::store::account_rows::{self, AccountRow};
use crate::store::session_rows::{self, SessionRow};
use crate::store::{Connection, StoreError};

/// What an account is on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Acts in trades, as a party or by its posts.
    Ordinary,
    /// Runs the platform; never acts in a trade.
    Admin,
    /// Reads everything, writes nothing.
    Oversight,
}

impl Standing {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Admin => "admin",
            Self::Oversight => "oversight",
        }
    }

    /// Reads what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ordinary, Self::Admin, Self::Oversight]
            .into_iter()
            .find(|standing| standing.as_str() == text)
    }
}

/// A signed-in account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub standing: Standing,
    pub actor: Actor,
    pub session: String,
}

impl Account {
    /// The account as the machine sees it: without a session.
    #[must_use]
    pub fn of(row: &AccountRow, posts: Vec<(String, String)>) -> Self {
        let pair = |(post, organisation): (String, String)| (Name::from(post), Name::from(organisation));
        Self {
            id: row.id.clone(),
            // A standing that is not known can do nothing but read its own profile.
            standing: Standing::parse(&row.standing).unwrap_or(Standing::Ordinary),
            actor: Actor {
                account: Name::from(row.id.as_str()),
                party: row.party.as_deref().map(Name::from),
                posts: posts.into_iter().map(pair).collect(),
                services: Vec::new(),
                member: row.member,
            },
            session: String::new(),
        }
    }

    /// True for those who see the platform's inside: definitions, incidents, all instances.
    #[must_use]
    pub fn supervises(&self) -> bool {
        matches!(self.standing, Standing::Admin | Standing::Oversight)
    }
}

/// Whoever calls, signed in or not.
#[derive(Clone, Debug, Default)]
pub struct Caller(pub Option<Arc<Account>>);

impl Caller {
    /// With whose eyes instances are read: an admin's see what keeps the platform running, everybody else's what the definition opens to
    /// their roles. Oversight too: a workflow gives it the role of its post, and keeps from it what nobody may know yet.
    #[must_use]
    pub fn eyes(&self) -> Eyes {
        match &self.0 {
            Some(account) if account.standing == Standing::Admin => Eyes(None),
            Some(account) => Eyes(Some(account.actor.clone())),
            None => Eyes(Some(Actor::default())),
        }
    }
}

/// Somebody's view of instances; `None` is who runs the platform.
#[derive(Clone, Debug)]
pub struct Eyes(pub Option<Actor>);

impl Eyes {
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.0.as_ref().map_or(Reader::Operator, Reader::Actor)
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().cloned().unwrap_or_default()))
    }
}

/// The signed-in account, for routes that ask for one.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Arc<Account>);

impl std::ops::Deref for SignedIn {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Caller>().cloned().unwrap_or_default();
        ready(caller.0.map(Self).ok_or_else(|| Problem::new(Code::Unauthenticated)))
    }
}

/// The account behind a request's bearer token; nobody where it carries none.
///
/// # Errors
/// A token that is not ours, is over, or whose session or account has ended.
pub async fn authenticate(state: &AppState, authorization: Option<&str>) -> Result<Caller, Problem> {
    let Some(header) = authorization else {
        return Ok(Caller(None));
    };
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(Code::Unauthenticated));
    }
    let (now, token) = (state.now(), token.trim());
    let sharing = match state.engine.is_shared() {
        false => Sharing::Alone,
        true => Sharing::Shared,
    };
    // Read before the store is: what is written meanwhile makes the finding stale.
    let (changes, looked_up) = (state.engine.changes(), Instant::now());
    if let Some(account) = state.known.find(token, now, changes, sharing) {
        return Ok(Caller(Some(account)));
    }
    let claims = state.tokens.verify(token, now)?;
    let (subject, session) = (claims.sub.clone(), claims.sid.clone());
    let found = state.engine.read(move |conn| load(conn, &subject, &session)).await?;
    let (row, session, posts) = found.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let stands = row.disabled_at.is_none()
        && row.session_version == claims.ver
        && row.session_version == session.version
        && session.account == row.id
        && session.revoked_at.is_none()
        && now.0 < session.expires_at;
    if !stands {
        return Err(Problem::new(Code::TokenExpired));
    }
    let mut account = Account::of(&row, posts);
    account.session = session.id;
    let account = Arc::new(account);
    let known = Known {
        account: Arc::clone(&account),
        begins: Time(claims.nbf.saturating_mul(1_000)),
        ends: Time(claims.exp.saturating_mul(1_000).min(session.expires_at)),
        changes,
        looked_up,
    };
    state.known.keep(token, known);
    Ok(Caller(Some(account)))
}

type Loaded = Option<(AccountRow, SessionRow, Vec<(String, String)>)>;

fn load(conn: &mut Connection, account: &str, session: &str) -> Result<Loaded, StoreError> {
    let Some(row) = account_rows::account_by_id(conn, account)? else {
        return Ok(None);
    };
    let Some(session) = session_rows::session_by_id(conn, session)? else {
        return Ok(None);
    };
    let posts = account_rows::post_list(conn, account)?;
    Ok(Some((row, session, posts)))
}
