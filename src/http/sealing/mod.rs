//! Sealing the document of a to-do: begins a job, takes the holder's answer, and completes the to-do with what was verified.
//! Must not judge a signature (`sealing` does) or decide what follows (the machine does).
//!
//! ```text
//! created ─ provider asked ─► awaiting_signature ─ answer verified, file kept ─► signed ─ to-do completed ─► verified
//!                                     └ expired | failed                            └ refused by the machine ─► failed
//! ```
//! A crash between two arrows loses nothing: what is `signed` is completed by [`keep`].

mod answer;
mod ask;
mod begin;
mod finish;
mod prepare;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

pub use answer::accept;
pub use begin::begin;
pub use finish::{keep, sweep};

use super::commands::Seen;
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::machine::definition::model::TodoDefinition;
use crate::machine::roles;
use crate::machine::step::{Actor, Refusal};
use crate::machine::trade::Todo;
use crate::machine::value::{Map, Name};
use crate::seal::ses::Seal;
use crate::seal::trust::Kind;
use crate::sealing::{self, Fault, Provider, Stamper};
use crate::store::account_rows;
use crate::store::seal_rows::SealRow;
use crate::store::sealing_rows::{self, JobRow, JobState};

/// The ways to sign that this installation offers, and its time stamps.
pub struct Sealers {
    providers: Vec<Arc<dyn Provider>>,
    stamper: Option<Stamper>,
}

impl Sealers {
    #[must_use]
    pub fn new(config: &crate::config::Config, clock: &crate::clock::Clock) -> Self {
        let mut providers: Vec<Arc<dyn Provider>> = vec![Arc::new(sealing::ClientToken)];
        if let Some(sharing) = sealing::SharingPlatform::new(&config.sealing.sharing, clock.clone()) {
            providers.push(Arc::new(sharing));
        }
        if let Some(soft) = sealing::SoftToken::new(config) {
            providers.push(Arc::new(soft));
        }
        Self {
            providers,
            stamper: Stamper::new(&config.sealing.tsa),
        }
    }

    /// Names and titles, for people to choose from.
    pub fn offered(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.providers
            .iter()
            .map(|provider| (provider.name(), provider.title()))
    }

    fn named(&self, name: &str) -> Result<Arc<dyn Provider>, Problem> {
        let found = self.providers.iter().find(|provider| provider.name() == name);
        found
            .cloned()
            .ok_or_else(|| Problem::field("provider", "is not offered here"))
    }
}

/// A to-do to seal for.
pub struct Wanted<'a> {
    pub seen: &'a Seen,
    pub todo: &'a Todo,
    pub definition: &'a TodoDefinition,
    pub seal: String,
    pub provider: String,
}

/// As whom an account may seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub kind: Kind,
    /// 统一社会信用代码 or 公民身份号码.
    pub code: String,
}

impl Identity {
    /// Whether it is this one's seal.
    #[must_use]
    pub fn owns(&self, seal: &SealRow) -> bool {
        self.kind.as_str() == seal.owner_kind && self.code == seal.owner
    }
}

/// What a fault says to the client.
#[must_use]
pub fn problem(fault: &Fault) -> Problem {
    Problem::refused(&Refusal {
        code: fault.code.into(),
        text: fault.sentence.clone(),
        tell: Map::new(),
    })
}

fn refused(code: &'static str, sentence: &str) -> Problem {
    problem(&Fault::new(code, sentence))
}

/// All as whom the account may seal somewhere: its party, and the organisations of its posts.
///
/// # Errors
/// A failing store.
pub async fn identities(state: &AppState, actor: &Actor) -> Result<Vec<Identity>, Problem> {
    let mut found: Vec<Identity> = Vec::new();
    if let Some(party) = actor.party.clone() {
        found.extend(party_identity(state, party).await?);
    }
    for (_, organisation) in &actor.posts {
        found.extend(organisation_identity(state, organisation));
    }
    found.dedup();
    Ok(found)
}

async fn party_identity(state: &AppState, party: Name) -> Result<Option<Identity>, Problem> {
    let row = state
        .engine
        .read(move |conn| account_rows::party_by_id(conn, &party))
        .await?;
    Ok(row.and_then(|row| {
        let kind = Kind::parse(&row.kind)?;
        Some(Identity { kind, code: row.code })
    }))
}

fn organisation_identity(state: &AppState, organisation: &str) -> Option<Identity> {
    let code = if organisation == roles::CENTRE {
        state.config.sealing.centre.as_str()
    } else {
        organisation
    };
    (!code.is_empty()).then(|| Identity {
        kind: Kind::Organisation,
        code: code.to_owned(),
    })
}

/// The job, as its own account may see it.
///
/// # Errors
/// `not_found`.
pub async fn find(state: &AppState, id: &str) -> Result<JobRow, Problem> {
    let id = super::extract::id(id)?.to_owned();
    let row = state.engine.read(move |conn| sealing_rows::job_get(conn, &id)).await?;
    row.ok_or_else(|| Problem::new(Code::NotFound))
}

/// A seal as the table keeps it.
///
/// # Errors
/// A damaged row.
pub fn parse_seal(der: &str) -> Result<Seal, Problem> {
    let der = BASE64
        .decode(der)
        .map_err(|error| Problem::internal("read a seal", &error))?;
    Seal::parse(&der).map_err(|error| Problem::internal("read a seal", &error))
}

async fn fail(state: &AppState, job: &JobRow, from: JobState, code: &'static str) -> Result<(), Problem> {
    let (id, now) = (job.id.clone(), state.now());
    let over = move |conn: &mut _| sealing_rows::job_move(conn, &id, (from, JobState::Failed), Some(code), now.0);
    state.engine.write("sealing job failed", over).await?;
    Ok(())
}
