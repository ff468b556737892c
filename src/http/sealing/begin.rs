//! Finds what is to be sealed with what, by whom, and begins the job. Must not judge what comes back.

use super::ask::ask;
use super::prepare::prepare;
use super::{Identity, Wanted, organisation_identity, party_identity, refused};
use crate::http::caller::Account;
use crate::http::commands::Seen;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::roles;
use crate::machine::value::Name;
use crate::store::document_rows::{self, DocumentRow};
use crate::store::seal_rows::{self, SealRow};
use crate::store::sealing_rows::{self, JobRow, JobState};

/// What is sealed with what, and by whom.
pub(super) struct Plan<'a> {
    pub account: &'a Account,
    pub wanted: &'a Wanted<'a>,
    pub document: DocumentRow,
    /// The digest of the document's file as it stands.
    pub base: String,
    pub seal: SealRow,
    /// As which of the to-do's roles.
    pub role: Name,
}

/// Prepares the document and asks the provider. A second click gets the first one's job.
///
/// # Errors
/// `nothing_to_seal`, `seal_not_yours`, `seal_refused`, the provider's and the judgement's own.
pub async fn begin(state: &AppState, account: &Account, wanted: &Wanted<'_>) -> Result<JobRow, Problem> {
    let provider = state.sealers.named(&wanted.provider)?;
    let plan = plan(state, account, wanted).await?;
    if let Some(job) = waiting_already(state, &plan).await? {
        return Ok(job);
    }
    let job = prepare(state, &plan).await?;
    ask(state, &provider, job, &plan).await
}

async fn plan<'a>(state: &AppState, account: &'a Account, wanted: &'a Wanted<'a>) -> Result<Plan<'a>, Problem> {
    let document = document(state, wanted).await?;
    let base = document.sha256.clone().ok_or_else(|| Problem::new(Code::NotRendered))?;
    let seal_id = wanted.seal.clone();
    let seal = state
        .engine
        .read(move |conn| seal_rows::seal_get(conn, &seal_id))
        .await?;
    let seal = seal.filter(|seal| seal.withdrawn_at.is_none());
    let seal = seal.ok_or_else(|| Problem::field("seal", "is not known"))?;
    let mine = roles_of(state, wanted, account).await?;
    let (role, _) = mine
        .into_iter()
        .find(|(_, identity)| identity.owns(&seal))
        .ok_or_else(|| refused("seal_not_yours", "该印章不属于您办理此事项所代表的单位或个人"))?;
    Ok(Plan {
        account,
        wanted,
        document,
        base,
        seal,
        role,
    })
}

/// The rendering that the to-do's document stands at.
async fn document(state: &AppState, wanted: &Wanted<'_>) -> Result<DocumentRow, Problem> {
    let nothing = || refused("nothing_to_seal", "此事项没有需要签章的文书");
    let name = wanted.definition.sign.clone().ok_or_else(nothing)?;
    let instance = &wanted.seen.instance;
    let current = instance
        .documents
        .get(&name)
        .ok_or_else(|| Problem::new(Code::NotRendered))?;
    let (id, revision) = (instance.id.to_string(), i64::from(current.revision));
    let row = state
        .engine
        .read(move |conn| document_rows::document_revision(conn, &id, &name, revision))
        .await?;
    // The row follows the step by a moment after a seal: what the trade says counts.
    row.filter(|row| row.sha256.as_deref() == current.sha256.as_deref())
        .ok_or_else(|| Problem::new(Code::NotRendered))
}

async fn waiting_already(state: &AppState, plan: &Plan<'_>) -> Result<Option<JobRow>, Problem> {
    let (todo, owner) = (plan.wanted.todo.id.to_string(), plan.account.id.clone());
    let rows = state
        .engine
        .read(move |conn| sealing_rows::jobs_of_todo(conn, &todo, &owner, JobState::AwaitingSignature))
        .await?;
    let now = state.now();
    Ok(rows.into_iter().find(|job| {
        job.seal == plan.seal.id
            && job.provider == plan.wanted.provider
            && job.base_sha256 == plan.base
            && now.0 < job.expires_at
    }))
}

/// The roles in which the account may seal for this to-do, and as whom.
async fn roles_of(state: &AppState, wanted: &Wanted<'_>, account: &Account) -> Result<Vec<(Name, Identity)>, Problem> {
    let Seen { snapshot, instance } = wanted.seen;
    let own = roles::audiences_of(&account.actor);
    let mut found = Vec::new();
    for role in &wanted.definition.roles {
        for audience in roles::audience(&snapshot.bundle, &snapshot.trade, instance, role) {
            if !own.contains(&audience) {
                continue;
            }
            let identity = match audience.split_once(':') {
                Some(("party", party)) => party_identity(state, party.into()).await?,
                Some(("post", post)) => post
                    .split_once('@')
                    .and_then(|(_, organisation)| organisation_identity(state, organisation)),
                _ => None,
            };
            found.extend(identity.map(|identity| (role.clone(), identity)));
        }
    }
    Ok(found)
}
