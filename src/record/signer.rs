//! The key with which the platform signs checkpoints and receipts, and how its signatures are verified.
//! Must not read a key from anywhere: whoever starts the platform does.

use sha2::{Digest as _, Sha256};

use crate::machine::value::Name;
use crate::seal::sm2::{PublicKey, SecretKey, Sm2Error};

/// Letters of a key's id: half of a SHA-256, so that no two keys are taken for each other.
const ID_LENGTH: usize = 32;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    #[error("the platform's key {0}")]
    Key(#[from] Sm2Error),
    /// A signing server that does not answer; worth another attempt.
    #[error("the signing server failed: {0}")]
    Server(String),
}

/// Signs for the platform with SM2 and SM3 under the default identifier.
pub trait PlatformSigner: Send + Sync + std::fmt::Debug {
    /// Tells this key from those before and after it; see [`key_id`].
    fn key_id(&self) -> Name;

    /// The key's public half.
    fn public_key(&self) -> PublicKey;

    /// Public halves of the keys before this one, the latest first: what they signed still counts.
    fn former(&self) -> &[PublicKey] {
        &[]
    }

    /// Signs a message: DER `SEQUENCE { r, s }`.
    ///
    /// # Errors
    /// A key that cannot sign, or a server that does not answer.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// True where signing takes less than a millisecond and cannot fail for want of a network, so that a commit may wait for it.
    fn is_at_hand(&self) -> bool;
}

/// A key in this process's memory, read from a file.
#[derive(Debug)]
pub struct FileKey {
    secret: SecretKey,
    id: Name,
    former: Vec<PublicKey>,
}

impl FileKey {
    /// # Errors
    /// A key that cannot be written down, so that it cannot be told from others.
    pub fn new(secret: SecretKey) -> Result<Self, SignerError> {
        let id = key_id(&secret.public_key())?;
        Ok(Self {
            secret,
            id,
            former: Vec::new(),
        })
    }

    /// The same key, with those before it.
    #[must_use]
    pub fn after(mut self, former: Vec<PublicKey>) -> Self {
        self.former = former;
        self
    }
}

impl PlatformSigner for FileKey {
    fn key_id(&self) -> Name {
        self.id.clone()
    }

    fn public_key(&self) -> PublicKey {
        self.secret.public_key()
    }

    fn former(&self) -> &[PublicKey] {
        &self.former
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.secret.sign(message)?)
    }

    fn is_at_hand(&self) -> bool {
        true
    }
}

/// Reads public keys in PEM, one after another.
///
/// # Errors
/// No key at all, or one that is not of the SM2 curve.
pub fn read_keys(pem: &str) -> Result<Vec<PublicKey>, Sm2Error> {
    const BEGIN: &str = "-----BEGIN ";
    let mut parts = pem.split(BEGIN);
    let before = parts.next().unwrap_or_default();
    let keys: Result<Vec<_>, _> = parts
        .map(|part| PublicKey::from_pem(&format!("{BEGIN}{part}")))
        .collect();
    match keys {
        Ok(keys) if keys.is_empty() || !before.trim().is_empty() => Err(Sm2Error::Key),
        keys => keys,
    }
}

/// The first 32 letters of the SHA-256 over the key's DER `SubjectPublicKeyInfo`, in lower-case hex.
///
/// # Errors
/// A key that cannot be written down.
pub fn key_id(key: &PublicKey) -> Result<Name, Sm2Error> {
    let digest = hex::encode(Sha256::digest(key.to_spki()?));
    Ok(digest.get(..ID_LENGTH).unwrap_or(&digest).into())
}
