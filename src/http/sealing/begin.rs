//! Prepares a document for its seal and asks whoever signs. Must not judge what comes back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Identity, Wanted, accept, fail, organisation_identity, parse_seal, party_identity, problem, refused};
use crate::http::caller::Account;
use crate::http::commands::Seen;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::ids;
use crate::machine::value::Name;
use crate::machine::{Time, roles};
use crate::seal::pdf::Edges;
use crate::seal::trust::Moment;
use crate::sealing::{self, Asked, Order, Provider, SealPlace};
use crate::store::document_rows::{self, DocumentRow};
use crate::store::seal_rows::{self, SealRow};
use crate::store::sealing_rows::{self, JobRow, JobState};

/// Prepares the document and asks the provider. A second click gets the first one's job.
///
/// # Errors
/// `nothing_to_seal`, `seal_not_yours`, `seal_expired`, the provider's and the judgement's own.
pub async fn begin(state: &AppState, account: &Account, wanted: &Wanted<'_>) -> Result<JobRow, Problem> {
    let provider = state.sealers.named(&wanted.provider)?;
    let document = document(state, wanted).await?;
    let base = document.sha256.clone().ok_or_else(|| Problem::new(Code::NotRendered))?;
    let seal_id = wanted.seal.clone();
    let seal = state
        .engine
        .read(move |conn| seal_rows::seal_get(conn, &seal_id))
        .await?;
    let seal = seal.filter(|seal| seal.withdrawn_at.is_none());
    let seal = seal.ok_or_else(|| Problem::field("seal", "is not known"))?;
    let mine = role_of(state, wanted, account).await?;
    let (role, _) = mine
        .into_iter()
        .find(|(_, identity)| identity.owns(&seal))
        .ok_or_else(|| refused("seal_not_yours", "该印章不属于您办理此事项所代表的单位或个人"))?;
    if let Some(job) = waiting_already(state, account, wanted, (&seal, &base)).await? {
        return Ok(job);
    }
    let job = prepare(state, account, wanted, (&document, &base), (&seal, &role)).await?;
    ask(state, &provider, job, &seal, &document).await
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

async fn waiting_already(
    state: &AppState,
    account: &Account,
    wanted: &Wanted<'_>,
    (seal, base): (&SealRow, &str),
) -> Result<Option<JobRow>, Problem> {
    let (todo, owner) = (wanted.todo.id.to_string(), account.id.clone());
    let rows = state
        .engine
        .read(move |conn| sealing_rows::jobs_of_todo(conn, &todo, &owner, JobState::AwaitingSignature))
        .await?;
    let now = state.now();
    Ok(rows.into_iter().find(|job| {
        job.seal == seal.id && job.provider == wanted.provider && job.base_sha256 == base && now.0 < job.expires_at
    }))
}

async fn prepare(
    state: &AppState,
    account: &Account,
    wanted: &Wanted<'_>,
    (document, base): (&DocumentRow, &str),
    (seal, role): (&SealRow, &Name),
) -> Result<JobRow, Problem> {
    let rendering = document.id.clone();
    let imprint = state
        .engine
        .read(move |conn| seal_rows::imprint_get(conn, &rendering))
        .await?;
    let places: Vec<SealPlace> = imprint
        .and_then(|imprint| serde_json::from_str(&imprint.places).ok())
        .unwrap_or_default();
    let place = places.into_iter().find(|place| place.role == **role);
    let edges = if wanted.definition.cross_page {
        Edges::Sealed
    } else {
        Edges::Plain
    };
    let (files, trust, now) = (state.files.clone(), state.trust.current(), state.now());
    let (der, wanted_base, title) = (seal.der.clone(), base.to_owned(), document.title.clone());
    let prepared = state.blocking(move || {
        let seal = parse_seal(&der)?;
        let judged = seal.verify(&trust, Moment::present(now));
        if let Some(fault) = judged.fault() {
            return Err(refused("seal_refused", &fault.reason));
        }
        if let Err(failure) = seal.check_maker_today(&trust, now) {
            return Err(refused("seal_refused", failure.code.sentence()));
        }
        let file = files
            .read(&wanted_base)
            .map_err(|error| Problem::internal("read a document", &error))?;
        let order = Order {
            base: &file,
            seal: &seal,
            place: place.as_ref(),
            edges,
            reason: &title,
            at: now,
        };
        let prepared = sealing::prepare(&order).map_err(|fault| problem(&fault))?;
        let stored = files
            .put(&prepared.file)
            .map_err(|error| Problem::internal("keep a prepared document", &error))?;
        Ok((stored.sha256, BASE64.encode(prepared.to_sign)))
    });
    let (prepared_sha256, to_sign) = prepared.await?;
    Ok(JobRow {
        id: ids::id()?,
        state: JobState::Created.as_str().into(),
        account: account.id.clone(),
        trade: document.trade.clone(),
        instance: document.instance.clone(),
        todo: wanted.todo.id.to_string(),
        document: document.id.clone(),
        document_name: document.name.clone(),
        seal: seal.id.clone(),
        provider: wanted.provider.clone(),
        reference: None,
        address: None,
        base_sha256: base.to_owned(),
        prepared_sha256,
        sealed_sha256: None,
        to_sign,
        certificate: None,
        signature: None,
        fault: None,
        created_at: now.0,
        expires_at: now.plus_millis(i64::from(state.config.sealing.job_minutes) * 60_000).0,
        changed_at: now.0,
    })
}

/// Keeps the job before anybody is asked to sign for it, so that an answer finds it.
async fn ask(
    state: &AppState,
    provider: &Arc<dyn Provider>,
    mut job: JobRow,
    seal: &SealRow,
    document: &DocumentRow,
) -> Result<JobRow, Problem> {
    let row = job.clone();
    state
        .engine
        .write("sealing job", move |conn| sealing_rows::job_insert(conn, &row))
        .await?;
    let (provider, asked_job, owner, es_id) = (
        Arc::clone(provider),
        job.clone(),
        seal.owner.clone(),
        seal.es_id.clone(),
    );
    let title = document.title.clone();
    let callback = format!(
        "{}/api/v1/sealings/callback",
        state.config.public_url().trim_end_matches('/')
    );
    let asked = state.blocking(move || {
        let to_sign = BASE64
            .decode(&asked_job.to_sign)
            .map_err(|error| Problem::internal("read a sealing job", &error))?;
        let request = sealing::Request {
            job: &asked_job.id,
            to_sign: &to_sign,
            seal: &es_id,
            owner: &owner,
            title: &title,
            expires: Time(asked_job.expires_at),
            callback: &callback,
        };
        Ok(provider.ask(&request))
    });
    let (reference, address, signed) = match asked.await? {
        Ok(Asked::Waiting { reference, address }) => (reference, address, None),
        Ok(Asked::Signed(answer)) => (None, None, Some(answer)),
        Err(fault) => {
            fail(state, &job, JobState::Created, fault.code).await?;
            return Err(problem(&fault));
        }
    };
    job.state = JobState::AwaitingSignature.as_str().into();
    (job.reference, job.address) = (reference, address);
    let (row, now) = (job.clone(), state.now());
    let await_signature = move |conn: &mut _| {
        let told = (row.reference.as_deref(), row.address.as_deref());
        sealing_rows::job_await(conn, &row.id, told, now.0)
    };
    state.engine.write("sealing job asked", await_signature).await?;
    match signed {
        Some(answer) => accept(state, job, answer).await,
        None => Ok(job),
    }
}

/// The role in which the account seals for this to-do, and as whom.
async fn role_of(state: &AppState, wanted: &Wanted<'_>, account: &Account) -> Result<Vec<(Name, Identity)>, Problem> {
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
