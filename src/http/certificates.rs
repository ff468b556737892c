//! Proof by certificate, and signing in with one: the key, the path, and the account of whoever the certificate names.
//! Must not bind an account to a key, a serial number or a name: only the verified number counts.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::challenges::{self, Purpose};
use super::entering;
use super::problem::{Code, Problem};
use super::sign_in::{self, Issued};
use super::state::AppState;
use crate::config::Environment;
use crate::ids;
use crate::machine::Time;
use crate::seal::certificate::Certificate;
use crate::seal::mark::TEST_REFUSED;
use crate::seal::sm2::PublicKey;
use crate::seal::trust::{self, Failure, Subject, TrustStore};
use crate::store::Connection;
use crate::store::account_rows::{self, AccountRow};
use crate::store::challenge_rows::{self, CertificateRow, ChallengeRow};

/// An answer to a challenge.
pub struct Answered {
    pub challenge: String,
    pub held: Held,
}

/// A signature with the certificate that it is said to be of.
pub struct Held {
    /// DER, PEM or base64, as middleware exports it.
    pub certificate: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Who has signed.
pub struct Proven {
    pub subject: Subject,
    pub certificate: Certificate,
}

/// What a sign-in came to.
pub struct Entered {
    pub issued: Issued,
    pub subject: Subject,
    pub opening: Opening,
}

/// Whether the account was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// It was.
    Known,
    /// It was opened now; the profile is to be completed.
    Opened,
    /// It was there with a password and a number that nobody had proven; the certificate has proven it. The password is gone with
    /// all that was said under it; the profile is to be completed.
    Proven,
}

/// Signs in with the answer to a challenge.
///
/// # Errors
/// `challenge_refused`, `bad_signature`, `certificate_refused`, `identity_unavailable`.
pub async fn sign_in(
    state: &AppState,
    answer: Answered,
    secret: &str,
    origin: Option<&str>,
) -> Result<Entered, Problem> {
    let row = challenges::find(state, &answer.challenge, &[Purpose::Login], origin).await?;
    challenges::check_secret(&row, secret)?;
    let proven = prove(state, row.text.clone(), answer.held, trust::Purpose::Login).await?;
    let (account, opening) = enter(state, &row, &proven).await?;
    let issued = sign_in::open(state, account, state.now()).await?;
    Ok(Entered {
        issued,
        subject: proven.subject,
        opening,
    })
}

/// Takes a phone's answer to a challenge that a browser shows, for the browser to collect.
///
/// # Errors
/// As [`sign_in()`].
pub async fn answer(state: &AppState, answer: Answered) -> Result<(), Problem> {
    let row = challenges::find(state, &answer.challenge, challenges::BY_PHONE, None).await?;
    if row.purpose == Purpose::Event.as_str() {
        return sign_event(state, row, answer.held).await;
    }
    let proven = prove(state, row.text.clone(), answer.held, trust::Purpose::Login).await?;
    let (account, _) = enter(state, &row, &proven).await?;
    let id = row.id;
    let keep = move |conn: &mut Connection| challenge_rows::challenge_answer(conn, &id, &account.id);
    Ok(state.engine.write("challenge answered", keep).await?)
}

/// Keeps what a phone has signed of an event. Whose it must be is judged when the event comes with it.
async fn sign_event(state: &AppState, row: ChallengeRow, held: Held) -> Result<(), Problem> {
    let signature = STANDARD.encode(&held.signature);
    let proven = prove(state, row.text, held, trust::Purpose::Sign).await?;
    let certificate = STANDARD.encode(proven.certificate.der());
    let (id, now) = (row.id, state.now().0);
    let keep = move |conn: &mut Connection| {
        let pair = (certificate.as_str(), signature.as_str());
        challenge_rows::challenge_sign(conn, &id, pair, now)
    };
    if state.engine.write("event signed by phone", keep).await? {
        Ok(())
    } else {
        Err(Problem::new(Code::ChallengeRefused))
    }
}

/// What a phone's answer has come to.
pub enum Collected {
    /// It opened a session.
    Session(Issued),
    /// It signed an event: certificate and signature in base64.
    Signature(String, String),
}

/// Gives the browser what a phone's answer has come to; nothing while no answer is there.
///
/// # Errors
/// `challenge_refused` for a wrong secret, a challenge that is over, and a session that was collected.
pub async fn collect(state: &AppState, id: &str, secret: &str) -> Result<Option<Collected>, Problem> {
    let (key, digest, now) = (id.to_owned(), ids::digest(secret), state.now());
    // Browsers ask every other second, so the common "not yet" must not wait for the writer.
    let row = state
        .engine
        .read(move |conn| challenge_rows::challenge_by_id(conn, &key))
        .await?
        .filter(|row| row.secret_sha256 == digest && row.collected_at.is_none() && now.0 < row.expires_at)
        .ok_or_else(|| Problem::new(Code::ChallengeRefused))?;
    // A signature is no secret and good for one event only, so an answer that was lost is given again.
    if let (Some(certificate), Some(signature)) = (row.certificate, row.signature) {
        return Ok(Some(Collected::Signature(certificate, signature)));
    }
    let Some(account) = row.account else { return Ok(None) };
    let take = move |conn: &mut Connection| {
        let taken = challenge_rows::challenge_collect(conn, &row.id, now.0)?;
        let account = account_rows::account_by_id(conn, &account)?;
        Ok(account.filter(|account| taken && account.disabled_at.is_none()))
    };
    let account = state.engine.write("collect challenge", take).await?;
    let account = account.ok_or_else(|| Problem::new(Code::ChallengeRefused))?;
    let session = sign_in::open(state, account, now).await?;
    Ok(Some(Collected::Session(session)))
}

/// Verifies, on the verifiers' threads, that a text was signed with the certificate's key, and the certificate.
///
/// # Errors
/// `bad_signature`, `certificate_refused`.
pub(super) async fn prove(
    state: &AppState,
    text: String,
    held: Held,
    purpose: trust::Purpose,
) -> Result<Proven, Problem> {
    let (store, now) = (state.trust.current(), state.now());
    let verifiers = match purpose {
        trust::Purpose::Sign => &state.event_verifiers,
        _ => &state.verifiers,
    };
    let judged = verifiers
        .run(move || judge(&store, &held, text.as_bytes(), (purpose, now)))
        .await?;
    let proven = judged.map_err(|refusal| refuse(state, &refusal))?;
    if proven.subject.test && state.config.environment == Environment::Production {
        tracing::warn!(
            certificate = proven.subject.certificate_sha256,
            "a certificate for tests was refused"
        );
        let refused = Problem::new(Code::CertificateRefused).detail(TEST_REFUSED);
        return Err(refused.member("reason", "test_certificate"));
    }
    Ok(proven)
}

/// Why a signature was refused, and whether whoever sent it holds the certificate's key.
enum Refusal {
    /// No certificate, or a signature that does not fit it: told to nobody but the log.
    Stranger(&'static str),
    Holder(Box<(Failure, Certificate, Option<trust::CaProfile>)>),
}

fn judge(
    store: &Arc<TrustStore>,
    held: &Held,
    text: &[u8],
    (purpose, now): (trust::Purpose, Time),
) -> Result<Proven, Refusal> {
    let certificate =
        Certificate::from_any(&held.certificate).map_err(|_| Refusal::Stranger("malformed certificate"))?;
    // The key first: what is wrong with a certificate is told to nobody who only has a copy of it.
    if let Ok(key) = PublicKey::from_certificate(&certificate) {
        key.verify_carried(text, &held.signature)
            .map_err(|_| Refusal::Stranger("the signature does not fit the text"))?;
    }
    store
        .verify(&certificate, purpose, now)
        .map(|subject| Proven {
            subject,
            certificate: certificate.clone(),
        })
        .map_err(|failure| {
            let profile = profile(store, &certificate, purpose, now);
            Refusal::Holder(Box::new((failure, certificate, profile)))
        })
}

/// The profile of the authority that the certificate says it is from, listed or not.
fn profile(
    store: &TrustStore,
    certificate: &Certificate,
    purpose: trust::Purpose,
    now: Time,
) -> Option<trust::CaProfile> {
    let chain = store.chain(certificate, purpose, now).ok();
    let listed = chain.as_ref().and_then(|chain| store.profile(chain.issuer()?));
    listed.or_else(|| store.unlisted(certificate)).cloned()
}

fn refuse(state: &AppState, refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Stranger(reason) => {
            tracing::warn!(reason, "a signature was refused");
            Problem::new(Code::BadSignature)
        }
        Refusal::Holder(refused) => {
            let (failure, certificate, profile) = &**refused;
            tracing::warn!(
                code = failure.code.as_str(),
                certificate = certificate.sha256(),
                authority = certificate.issuer().shown(),
                "a certificate was refused"
            );
            let problem = Problem::new(Code::CertificateRefused);
            let Some(advice) = failure.code.advice() else {
                return problem;
            };
            let contact = profile
                .as_ref()
                .map_or(state.config.certificates.contact.as_str(), |profile| &profile.contact);
            let mut problem = problem
                .detail(advice)
                .member("reason", failure.code.as_str())
                .member("authority", certificate.issuer().shown());
            if !contact.is_empty() {
                problem = problem.member("contact", contact);
            }
            if let Some(day) = profile.as_ref().and_then(|profile| profile.cut_off) {
                problem = problem.member("cut_off", day.to_string());
            }
            problem
        }
    }
}

/// Uses the challenge up and finds or opens the account, in one transaction.
async fn enter(state: &AppState, row: &ChallengeRow, proven: &Proven) -> Result<(AccountRow, Opening), Problem> {
    let fresh = (ids::id()?, ids::id()?);
    let (id, now) = (row.id.clone(), state.now());
    let used = CertificateRow {
        account: String::new(),
        sha256: proven.certificate.sha256(),
        authority: proven.subject.authority.clone(),
        serial: hex::encode(proven.certificate.serial()),
        not_after: proven.certificate.period().1.0,
        first_used_at: now.0,
        last_used_at: now.0,
        test: proven.subject.test,
    };
    let subject = proven.subject.clone();
    let work = move |conn: &mut Connection| {
        if !challenge_rows::challenge_use(conn, &id, now.0)? {
            tracing::warn!(
                challenge = id,
                reason = "used at the same time",
                "a challenge was refused"
            );
            return Ok(Err(Problem::new(Code::ChallengeRefused)));
        }
        entering::account(conn, &subject, fresh, used, now)
    };
    state.engine.write("sign-in by certificate", work).await?
}
