//! Challenges: texts that the holder of a key signs, each good once, for one purpose, at one origin, for minutes. They are drawn
//! here, but for an event's, which its sender writes and a phone signs.
//! Must not judge the signature.

use super::problem::{Code, Problem};
use super::state::AppState;
use crate::ids;
use crate::machine::Time;
use crate::record::signed;
use crate::store::challenge_rows::{self, ChallengeRow};

/// What begins every text, so that none can be taken for an offer or a part of a seal, which begin otherwise.
const PREFIX: &str = "LUOCHUI-LOGIN-V1";
/// The bounds of a challenge's life, in seconds.
const LIFE: (u32, u32) = (120, 300);
/// The longest text of an event, in bytes: some numbers and ids have a few hundred.
const LONGEST: usize = 1_000;

/// What a phone answers.
pub const BY_PHONE: &[Purpose] = &[Purpose::Login, Purpose::Event];

/// What the signed text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Signing in.
    Login,
    /// Trying out a key and a seal; opens nothing.
    Test,
    /// An event that a phone signs for the browser that sends it; opens nothing.
    Event,
}

impl Purpose {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Test => "test",
            Self::Event => "event",
        }
    }
}

/// A challenge as whoever asked for it gets it.
pub struct Drawn {
    pub row: ChallengeRow,
    /// For answering it, and for collecting a phone's answer; nobody else knows it.
    pub secret: String,
}

/// Draws a challenge.
///
/// # Errors
/// `forbidden` from a page of another origin; `invalid` for an event that is none, and for a text where one is drawn; the store's.
pub async fn draw(
    state: &AppState,
    purpose: Purpose,
    event: Option<String>,
    origin: Option<&str>,
) -> Result<Drawn, Problem> {
    let here = own_origin(state);
    if origin.is_some_and(|origin| origin != here) {
        return Err(Problem::new(Code::Forbidden).detail("this page is of another origin"));
    }
    let seconds = state.config.certificates.challenge_seconds.clamp(LIFE.0, LIFE.1);
    let now = state.now();
    let expires_at = now.plus_millis(i64::from(seconds) * 1_000).0;
    let (id, nonce, secret) = (ids::id()?, ids::secret()?, ids::secret()?);
    let text = match (purpose, event) {
        (Purpose::Event, Some(text)) if text.len() <= LONGEST && signed::is_text(&text) => text,
        (Purpose::Event, _) => return Err(Problem::field("text", "is no event")),
        (_, Some(_)) => return Err(Problem::field("text", "is drawn here for this purpose")),
        (_, None) => format!("{PREFIX}|{here}|{id}|{}|{nonce}|{expires_at}", purpose.as_str()),
    };
    let row = ChallengeRow {
        id,
        purpose: purpose.as_str().to_owned(),
        origin: here,
        text,
        secret_sha256: ids::digest(&secret),
        created_at: now.0,
        expires_at,
        used_at: None,
        account: None,
        collected_at: None,
        certificate: None,
        signature: None,
    };
    let own = row.clone();
    let record = move |conn: &mut _| challenge_rows::challenge_insert(conn, &own);
    state.engine.write("challenge", record).await?;
    Ok(Drawn { row, secret })
}

/// The challenge that an answer names: of this purpose and origin, not used, not over.
///
/// # Errors
/// `challenge_refused`, the same for each reason; the log knows which.
pub async fn find(
    state: &AppState,
    id: &str,
    purposes: &[Purpose],
    origin: Option<&str>,
) -> Result<ChallengeRow, Problem> {
    let key = id.to_owned();
    let found = state
        .engine
        .read(move |conn| challenge_rows::challenge_by_id(conn, &key))
        .await?;
    let now = state.now();
    match reason(found.as_ref(), purposes, origin, now) {
        None => found.ok_or_else(|| Problem::new(Code::ChallengeRefused)),
        Some(reason) => {
            tracing::warn!(challenge = id, reason, "a challenge was refused");
            Err(Problem::new(Code::ChallengeRefused))
        }
    }
}

/// Only who drew a challenge answers it: a signature that was got from its holder on another page opens nothing here.
///
/// # Errors
/// `challenge_refused`.
pub fn check_secret(row: &ChallengeRow, secret: &str) -> Result<(), Problem> {
    if row.secret_sha256 == ids::digest(secret) {
        return Ok(());
    }
    tracing::warn!(challenge = row.id, reason = "wrong secret", "a challenge was refused");
    Err(Problem::new(Code::ChallengeRefused))
}

fn reason(row: Option<&ChallengeRow>, purposes: &[Purpose], origin: Option<&str>, now: Time) -> Option<&'static str> {
    let Some(row) = row else { return Some("unknown") };
    if purposes.iter().all(|purpose| row.purpose != purpose.as_str()) {
        return Some("other purpose");
    }
    if origin.is_some_and(|origin| origin != row.origin) {
        return Some("other origin");
    }
    if row.used_at.is_some() {
        return Some("used");
    }
    (row.expires_at <= now.0).then_some("over")
}

/// Where pages of this server come from: scheme, host and port of the public address.
#[must_use]
pub fn own_origin(state: &AppState) -> String {
    let url = state.config.public_url();
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url.as_str()));
    let authority = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{authority}")
}

/// Four digits that both screens show while a phone answers, so that nobody answers another's challenge.
#[must_use]
pub fn check_digits(row: &ChallengeRow) -> String {
    let digest = ids::digest(&row.text);
    let number = u32::from_str_radix(digest.get(..8).unwrap_or("0"), 16).unwrap_or(0);
    format!("{:04}", number % 10_000)
}

/// True for a text of the form that challenges have.
#[must_use]
pub fn is_text(text: &str) -> bool {
    text.len() <= LONGEST && text.split('|').next() == Some(PREFIX) && text.split('|').count() == 6
}
