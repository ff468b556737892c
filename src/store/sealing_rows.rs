//! Sealing jobs and the seals on documents. Must not decide what follows a state: each change names the state it starts from.

use diesel::prelude::*;

use super::schema::{documents, seal_jobs, seal_signatures};
use super::{Connection, StoreError};

/// How far a sealing job has come. Which state follows which is not decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Kept, before anybody is asked to sign.
    Created,
    AwaitingSignature,
    /// The sealed file is kept; the trade has not taken it yet.
    Signed,
    /// The trade has taken the sealed file.
    Verified,
    /// Nobody signed in time.
    Expired,
    Failed,
}

impl JobState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AwaitingSignature => "awaiting_signature",
            Self::Signed => "signed",
            Self::Verified => "verified",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// A row of `seal_jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = seal_jobs, treat_none_as_default_value = false)]
pub struct JobRow {
    pub id: String,
    pub state: String,
    pub account: String,
    pub trade: String,
    pub instance: String,
    pub todo: String,
    pub document: String,
    pub document_name: String,
    pub seal: String,
    pub provider: String,
    pub reference: Option<String>,
    pub base_sha256: String,
    pub prepared_sha256: String,
    pub sealed_sha256: Option<String>,
    /// TBS_Sign, base64.
    pub to_sign: String,
    pub certificate: Option<String>,
    pub signature: Option<String>,
    pub fault: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub changed_at: i64,
    /// What a phone opens to sign, where the provider gave it.
    pub address: Option<String>,
}

impl JobRow {
    #[must_use]
    pub fn is(&self, state: JobState) -> bool {
        self.state == state.as_str()
    }
}

/// A row of `seal_signatures`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = seal_signatures)]
pub struct SignatureRow {
    pub job: String,
    pub document: String,
    pub base_sha256: String,
    pub sha256: String,
    pub sm3: String,
    pub bytes: i64,
    pub es_id: String,
    pub subject_kind: String,
    pub subject: String,
    pub subject_name: String,
    pub certificate_sha256: String,
    pub certificate: String,
    /// SES_Signature, base64.
    pub signature: String,
    pub time_source: String,
    pub report: String,
    pub evidence: String,
    pub signed_at: i64,
    pub verified_at: i64,
}

/// Adds a job.
///
/// # Errors
/// A failing database.
pub fn job_insert(conn: &mut Connection, row: &JobRow) -> Result<(), StoreError> {
    diesel::insert_into(seal_jobs::table).values(row).execute(conn)?;
    Ok(())
}

/// The job with an id.
///
/// # Errors
/// A failing database.
pub fn job_get(conn: &mut Connection, id: &str) -> Result<Option<JobRow>, StoreError> {
    let row = seal_jobs::table.find(id).select(JobRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// The account's jobs for a to-do in a state, newest first.
///
/// # Errors
/// A failing database.
pub fn jobs_of_todo(
    conn: &mut Connection,
    todo: &str,
    account: &str,
    state: JobState,
) -> Result<Vec<JobRow>, StoreError> {
    let rows = seal_jobs::table
        .filter(seal_jobs::todo.eq(todo))
        .filter(seal_jobs::account.eq(account))
        .filter(seal_jobs::state.eq(state.as_str()));
    let order = (seal_jobs::created_at.desc(), seal_jobs::id);
    Ok(rows.order(order).select(JobRow::as_select()).load(conn)?)
}

/// Jobs in a state that were last changed before a time, oldest first.
///
/// # Errors
/// A failing database.
pub fn jobs_left(conn: &mut Connection, state: JobState, before: i64, most: i64) -> Result<Vec<JobRow>, StoreError> {
    let rows = seal_jobs::table
        .filter(seal_jobs::state.eq(state.as_str()))
        .filter(seal_jobs::changed_at.lt(before));
    let order = (seal_jobs::changed_at, seal_jobs::id);
    Ok(rows.order(order).limit(most).select(JobRow::as_select()).load(conn)?)
}

/// Moves a job on from a state; false where it was no longer in it.
///
/// # Errors
/// A failing database.
pub fn job_move(
    conn: &mut Connection,
    id: &str,
    (from, to): (JobState, JobState),
    fault: Option<&str>,
    at: i64,
) -> Result<bool, StoreError> {
    let job = seal_jobs::table.find(id).filter(seal_jobs::state.eq(from.as_str()));
    let set = (
        seal_jobs::state.eq(to.as_str()),
        seal_jobs::fault.eq(fault),
        seal_jobs::changed_at.eq(at),
    );
    Ok(diesel::update(job).set(set).execute(conn)? == 1)
}

/// Ends the jobs that nobody has signed in time; how many there were.
///
/// # Errors
/// A failing database.
pub fn jobs_expire(conn: &mut Connection, fault: &str, now: i64) -> Result<usize, StoreError> {
    let unsigned = [JobState::Created, JobState::AwaitingSignature].map(JobState::as_str);
    let jobs = seal_jobs::table
        .filter(seal_jobs::state.eq_any(unsigned))
        .filter(seal_jobs::expires_at.le(now));
    let set = (
        seal_jobs::state.eq(JobState::Expired.as_str()),
        seal_jobs::fault.eq(Some(fault)),
        seal_jobs::changed_at.eq(now),
    );
    Ok(diesel::update(jobs).set(set).execute(conn)?)
}

/// Notes that the provider has taken a job over, and what it said of it; false where it was no longer `created`.
///
/// # Errors
/// A failing database.
pub fn job_await(
    conn: &mut Connection,
    id: &str,
    (reference, address): (Option<&str>, Option<&str>),
    at: i64,
) -> Result<bool, StoreError> {
    let job = seal_jobs::table
        .find(id)
        .filter(seal_jobs::state.eq(JobState::Created.as_str()));
    let set = (
        seal_jobs::state.eq(JobState::AwaitingSignature.as_str()),
        seal_jobs::reference.eq(reference),
        seal_jobs::address.eq(address),
        seal_jobs::changed_at.eq(at),
    );
    Ok(diesel::update(job).set(set).execute(conn)? == 1)
}

/// Keeps a verified signature with its job, at most once; false where the job was no longer waiting for it.
///
/// # Errors
/// A failing database.
pub fn job_sign(conn: &mut Connection, row: &SignatureRow, value: &str) -> Result<bool, StoreError> {
    let job = seal_jobs::table
        .find(&row.job)
        .filter(seal_jobs::state.eq(JobState::AwaitingSignature.as_str()));
    let set = (
        seal_jobs::state.eq(JobState::Signed.as_str()),
        seal_jobs::certificate.eq(Some(&row.certificate)),
        seal_jobs::signature.eq(Some(value)),
        seal_jobs::sealed_sha256.eq(Some(&row.sha256)),
        seal_jobs::changed_at.eq(row.verified_at),
    );
    if diesel::update(job).set(set).execute(conn)? != 1 {
        return Ok(false);
    }
    diesel::insert_into(seal_signatures::table).values(row).execute(conn)?;
    Ok(true)
}

/// Closes a job whose seal the trade has taken: the sealed file is now the document.
///
/// # Errors
/// A failing database.
pub fn job_finish(conn: &mut Connection, job: &JobRow, bytes: i64, at: i64) -> Result<(), StoreError> {
    if !job_move(conn, &job.id, (JobState::Signed, JobState::Verified), None, at)? {
        return Ok(());
    }
    let document = documents::table
        .find(&job.document)
        .filter(documents::sha256.eq(Some(&job.base_sha256)));
    let set = (
        documents::sha256.eq(job.sealed_sha256.as_deref()),
        documents::bytes.eq(Some(bytes)),
    );
    diesel::update(document).set(set).execute(conn)?;
    Ok(())
}

/// The seal that a job has made, whether or not its trade has taken it.
///
/// # Errors
/// A failing database.
pub fn signature_get(conn: &mut Connection, job: &str) -> Result<Option<SignatureRow>, StoreError> {
    let row = seal_signatures::table.find(job).select(SignatureRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// The seal by which a file with this digest came to be, where its trade has taken it.
///
/// # Errors
/// A failing database.
pub fn signature_of_file(conn: &mut Connection, sha256: &str) -> Result<Option<SignatureRow>, StoreError> {
    let rows = seal_signatures::table
        .inner_join(seal_jobs::table.on(seal_jobs::id.eq(seal_signatures::job)))
        .filter(seal_signatures::sha256.eq(sha256))
        .filter(seal_jobs::state.eq(JobState::Verified.as_str()));
    let row = rows
        .order(seal_signatures::verified_at)
        .select(SignatureRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// The seals on a document that its trade has taken, oldest first.
///
/// # Errors
/// A failing database.
pub fn signatures_of(conn: &mut Connection, document: &str) -> Result<Vec<SignatureRow>, StoreError> {
    let rows = seal_signatures::table
        .inner_join(seal_jobs::table.on(seal_jobs::id.eq(seal_signatures::job)))
        .filter(seal_signatures::document.eq(document))
        .filter(seal_jobs::state.eq(JobState::Verified.as_str()));
    let order = (seal_signatures::verified_at, seal_signatures::job);
    Ok(rows.order(order).select(SignatureRow::as_select()).load(conn)?)
}

/// The seals on all documents of a trade, oldest first.
///
/// # Errors
/// A failing database.
pub fn signatures_of_trade(conn: &mut Connection, trade: &str) -> Result<Vec<SignatureRow>, StoreError> {
    let rows = seal_signatures::table
        .inner_join(seal_jobs::table.on(seal_jobs::id.eq(seal_signatures::job)))
        .filter(seal_jobs::trade.eq(trade));
    let order = (seal_signatures::verified_at, seal_signatures::job);
    Ok(rows.order(order).select(SignatureRow::as_select()).load(conn)?)
}
