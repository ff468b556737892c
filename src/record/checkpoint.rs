//! Checkpoints: where a record stood at a time, signed by the platform. Whoever holds one can prove that what came before was not
//! changed afterwards, even by whoever computed every digest anew. Must not decide when one is made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::chain::{Head, sm3};
use super::signer::{PlatformSigner, SignerError, key_id};
use crate::machine::Time;
use crate::machine::value::Name;
use crate::seal::sm2::PublicKey;

/// What the signed bytes begin with, so that no other signature of the platform's key can be taken for a checkpoint.
const PREFIX: &str = "luochui-checkpoint/1";
/// The same of a sealed one.
const SEALED: &str = "luochui-sealed-checkpoint/1";

/// Where a record stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub instance: Name,
    pub size: u64,
    pub sm3: Name,
    pub sha256: Name,
    /// Milliseconds since 1970 UTC.
    pub at: Time,
    pub reach: Reach,
    /// Which of the platform's keys signed.
    pub key: Name,
    /// SM2 with SM3, DER, in base64.
    pub signature: Name,
}

/// A checkpoint for those who may not know yet how much stands in the record. It tells nothing until the record is open with its
/// checkpoints: the signature among the bytes that it is a digest of is known to nobody before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedCheckpoint {
    pub instance: Name,
    /// SM3 over the signed bytes of the checkpoint and its signature in base64.
    pub sealed: Name,
    /// When it was made, milliseconds since 1970 UTC.
    pub at: Time,
    pub key: Name,
    /// SM2 with SM3, DER, in base64.
    pub signature: Name,
}

/// How much of its record a checkpoint covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// What there was; more may follow.
    SoFar,
    /// All: the instance has ended.
    Whole,
}

impl Reach {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SoFar => "so_far",
            Self::Whole => "whole",
        }
    }
}

/// Why a signature of the platform does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("it was signed by another key")]
    OtherKey,
    #[error("its signature does not fit")]
    Signature,
}

impl Checkpoint {
    /// Signs where a record stands.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign(
        signer: &dyn PlatformSigner,
        instance: &Name,
        head: &Head,
        (at, reach): (Time, Reach),
    ) -> Result<Self, SignerError> {
        let mut checkpoint = Self {
            instance: instance.clone(),
            size: head.size,
            sm3: head.sm3.clone(),
            sha256: head.sha256.clone(),
            at,
            reach,
            key: signer.key_id(),
            signature: "".into(),
        };
        checkpoint.signature = STANDARD.encode(signer.sign(&checkpoint.signed_bytes())?).into();
        Ok(checkpoint)
    }

    /// The bytes that are signed: eight lines, each with its break.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let Self {
            instance,
            size,
            sm3,
            sha256,
            at,
            reach,
            key,
            signature: _,
        } = self;
        let (at, reach) = (at.0, reach.as_str());
        format!("{PREFIX}\n{instance}\n{size}\n{sm3}\n{sha256}\n{at}\n{reach}\n{key}\n").into_bytes()
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// Another key, or a signature that does not fit.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Unsigned> {
        verify(key, &self.key, &self.signed_bytes(), &self.signature)
    }
}

impl SealedCheckpoint {
    /// Seals a checkpoint and signs that.
    ///
    /// # Errors
    /// The signer's.
    pub fn of(signer: &dyn PlatformSigner, checkpoint: &Checkpoint) -> Result<Self, SignerError> {
        let mut sealed = Self {
            instance: checkpoint.instance.clone(),
            sealed: Self::seal(checkpoint),
            at: checkpoint.at,
            key: signer.key_id(),
            signature: "".into(),
        };
        sealed.signature = STANDARD.encode(signer.sign(&sealed.signed_bytes())?).into();
        Ok(sealed)
    }

    /// True where it is this checkpoint that was sealed.
    #[must_use]
    pub fn is_of(&self, checkpoint: &Checkpoint) -> bool {
        self.sealed == Self::seal(checkpoint)
    }

    fn seal(checkpoint: &Checkpoint) -> Name {
        let mut bytes = checkpoint.signed_bytes();
        bytes.extend(checkpoint.signature.as_bytes());
        sm3(&bytes)
    }

    /// The bytes that are signed: five lines, each with its break.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let Self {
            instance,
            sealed,
            at,
            key,
            signature: _,
        } = self;
        format!("{SEALED}\n{instance}\n{sealed}\n{}\n{key}\n", at.0).into_bytes()
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// Another key, or a signature that does not fit.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Unsigned> {
        verify(key, &self.key, &self.signed_bytes(), &self.signature)
    }
}

/// Verifies a signature in base64 by the key with an id.
pub(super) fn verify(key: &PublicKey, id: &str, signed: &[u8], signature: &str) -> Result<(), Unsigned> {
    if key_id(key).ok().as_deref() != Some(id) {
        return Err(Unsigned::OtherKey);
    }
    let der = STANDARD.decode(signature).map_err(|_| Unsigned::Signature)?;
    key.verify(signed, &der).map_err(|_| Unsigned::Signature)
}
