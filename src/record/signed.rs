//! What a person signs of an event, and verifying it again from what the history keeps. Must not judge whose a certificate is:
//! `signers` does, for whoever trusts authorities.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::machine::step::{Cause, Input, Signed};
use crate::machine::value::Map;
use crate::seal::certificate::Certificate;
use crate::seal::sm2::PublicKey;

/// What begins every text, so that none can be taken for a challenge of a sign-in or a part of a seal, which begin otherwise.
const PREFIX: &str = "LUOCHUI-EVENT-V1";

/// What parts the text; a nonce must not hold it.
pub const BAR: char = '|';

/// An event as its sender signs it.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    pub instance: &'a str,
    pub event: &'a str,
    /// Without the signature.
    pub payload: &'a Map,
    /// The number of the last published state that the signer had seen.
    pub seen: i64,
    /// The idempotency key of the command.
    pub nonce: &'a str,
}

impl Offered<'_> {
    /// The signed text; the payload as JSON with sorted keys and without spaces.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            instance,
            event,
            payload,
            seen,
            nonce,
        } = self;
        // Only maps with other keys than text cannot be written as JSON, and there are none.
        let payload = serde_json::to_string(payload).unwrap_or_default();
        format!("{PREFIX}|{instance}|{event}|{seen}|{nonce}|{payload}")
    }
}

/// True for a text of the form that signed events have.
#[must_use]
pub fn is_text(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, BAR).collect();
    let [PREFIX, _, _, seen, _, payload] = parts.as_slice() else {
        return false;
    };
    seen.parse::<i64>().is_ok() && serde_json::from_str::<Map>(payload).is_ok()
}

/// Why a kept signature is not one over its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("its certificate cannot be read")]
    Certificate,
    #[error("its certificate is another than the one whose digest is kept")]
    Digest,
    #[error("its signature is not base64")]
    Encoding,
    #[error("its signature does not fit the event and the certificate's key")]
    Signature,
}

/// The certificate that is kept with a signature.
///
/// # Errors
/// One that cannot be read.
pub fn certificate_of(signed: &Signed) -> Result<Certificate, Misfit> {
    Certificate::from_any(signed.certificate.as_bytes()).map_err(|_| Misfit::Certificate)
}

/// Verifies the signature that an input carries; nothing where it carries none.
#[must_use]
pub fn verify(input: &Input) -> Option<Result<(), Misfit>> {
    let Cause::Event { name, payload, signed } = &input.cause else {
        return None;
    };
    let signed = signed.as_deref()?;
    let offered = Offered {
        instance: &input.instance,
        event: name,
        payload,
        seen: signed.seen,
        nonce: &signed.nonce,
    };
    let judge = || {
        let certificate = certificate_of(signed)?;
        if certificate.sha256() != *signed.certificate_sha256 {
            return Err(Misfit::Digest);
        }
        let key = PublicKey::from_certificate(&certificate).map_err(|_| Misfit::Certificate)?;
        let value = STANDARD.decode(&*signed.value).map_err(|_| Misfit::Encoding)?;
        key.verify_carried(offered.text().as_bytes(), &value)
            .map_err(|_| Misfit::Signature)
    };
    Some(judge())
}
