//! The check point of signed events: proof of the key, the certificate's path, and that it is the sender's own.
//! Must not decide whether an event needs a signature: a machine does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::caller::Account;
use super::certificates::{self, Held, Proven};
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::machine::definition::model::SIGNATURE;
use crate::machine::step::Signed;
use crate::machine::value::{Map, Name};
use crate::record::signed::{BAR, Offered};
use crate::seal::trust::{Purpose, Subject};
use crate::store::account_rows;

/// The largest signature, in characters of base64: DER has 72 bytes.
const MAX_VALUE: usize = 200;

/// What stands beside the payload of a signed event.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The signing certificate: base64 of DER, or PEM.
    certificate: String,
    /// Base64 of the signature over the text of [`Offered`].
    value: String,
    /// The command's Idempotency-Key.
    nonce: String,
    /// The number of the last published state that the signer had seen.
    seen: i64,
}

/// Takes the signature out of what was sent; nothing where there is none.
///
/// # Errors
/// `invalid` for one of another shape.
pub fn take(payload: &mut Map) -> Result<Option<Sent>, Problem> {
    let Some(value) = payload.remove(SIGNATURE) else {
        return Ok(None);
    };
    let sent = serde_json::to_value(value).and_then(serde_json::from_value);
    sent.map(Some)
        .map_err(|error| Problem::field(SIGNATURE, error.to_string()))
}

/// An event that came with a signature.
pub struct Claim<'a> {
    pub instance: &'a str,
    pub event: &'a str,
    pub payload: &'a Map,
    /// The command's Idempotency-Key.
    pub key: &'a str,
    pub sent: Sent,
}

/// Verifies a signature and whose it is, on the verifiers' threads. The caller holds the stamp of the event meanwhile.
///
/// # Errors
/// `invalid`, `bad_signature`, `certificate_refused`.
pub async fn check(state: &AppState, account: &Account, claim: Claim<'_>) -> Result<Signed, Problem> {
    let Sent {
        certificate,
        value,
        nonce,
        seen,
    } = claim.sent;
    // One signature is good for one command: what the key makes unrepeatable, no copy can repeat.
    if nonce != claim.key || nonce.contains(BAR) {
        tracing::warn!(reason = "the nonce is not the key", "a signature was refused");
        return Err(Problem::new(Code::BadSignature).detail("the nonce is the Idempotency-Key, without `|`"));
    }
    shown(state, claim.instance, seen).await?;
    let value = value.trim();
    if value.len() > MAX_VALUE {
        return Err(Problem::field(SIGNATURE, "has a value that is too long"));
    }
    let signature = STANDARD
        .decode(value)
        .map_err(|_| Problem::field(SIGNATURE, "has a value that is not base64"))?;
    let offered = Offered {
        instance: claim.instance,
        event: claim.event,
        payload: claim.payload,
        seen,
        nonce: &nonce,
    };
    let held = Held {
        certificate: certificate.into_bytes(),
        signature,
    };
    let proven = certificates::prove(state, offered.text(), held, Purpose::Sign).await?;
    own(state, account, &proven.subject).await?;
    Ok(signed(&proven, value, &nonce, seen))
}

/// What a signer says to have seen was published: no number from the future, and none from before the first where there is one.
/// A number of the payload is the workflow's own, which its rules compare.
async fn shown(state: &AppState, instance: &str, seen: i64) -> Result<(), Problem> {
    if state.live.has_shown(&Name::from(instance), seen).await? {
        return Ok(());
    }
    tracing::warn!(seen, reason = "never published", "a signature was refused");
    let problem = Problem::new(Code::BadSignature).detail("`seen` is not the number of a state that was published");
    Err(problem.member("reason", "not_seen"))
}

/// The certificate is of the party that the account acts for: a name or a key says nothing, only the number.
async fn own(state: &AppState, account: &Account, subject: &Subject) -> Result<(), Problem> {
    let party = match account.actor.party.as_deref().map(str::to_owned) {
        Some(id) => {
            state
                .engine
                .read(move |conn| account_rows::party_by_id(conn, &id))
                .await?
        }
        None => None,
    };
    if party.is_some_and(|party| party.kind == subject.kind.as_str() && party.code == subject.code) {
        return Ok(());
    }
    tracing::warn!(
        account = account.id,
        reason = "another holder",
        "a certificate was refused"
    );
    Err(Problem::new(Code::CertificateRefused)
        .detail("the certificate is not of the party that this account acts for")
        .member("reason", "other_holder"))
}

fn signed(proven: &Proven, value: &str, nonce: &str, seen: i64) -> Signed {
    Signed {
        subject: proven.subject.code.as_str().into(),
        certificate_sha256: proven.certificate.sha256().into(),
        certificate: STANDARD.encode(proven.certificate.der()).into(),
        value: value.into(),
        nonce: nonce.into(),
        seen,
        test: proven.subject.test,
    }
}
