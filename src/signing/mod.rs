//! The platform's key at a signing server (签名验签服务器, such as GM/T 0029 devices behind an adapter), over HTTP.
//! Must not hold a key, must not use a signature that it has not verified, and must never sign in another way where the server
//! fails: what cannot be signed stays unsigned until it can.
//!
//! ```text
//! POST {url}     Authorization: Bearer {token}                       where a token is configured
//!                X-Luochui-Signature: t={seconds since 1970},v1={hex of HMAC-SHA256(secret, t "." body)}
//!                                                                    where a secret is configured
//!   {"key": "…", "algorithm": "sm2-sm3", "message": base64 of the bytes to sign}
//! ◄ 200 {"signature": base64 of DER SEQUENCE { r, s }}               SM2 with SM3 under the identifier 1234567812345678
//! ◄ 4xx                                                              refused: not asked again
//! ```

mod wire;

use std::time::Duration;

pub use wire::{Asked, Authentication, answer};

use crate::clock::Clock;
use crate::config::SigningServer as Settings;
use crate::machine::value::Name;
use crate::record::signer::{PlatformSigner, SignerError, key_id};
use crate::seal::sm2::PublicKey;

/// The largest answer, in bytes.
const LARGEST: u64 = 16 * 1024;
/// The rest before the second attempt; twice as long before each further one.
const REST: Duration = Duration::from_millis(100);

/// A key that another machine holds.
pub struct SigningServer {
    url: String,
    /// What the server calls the key.
    name: String,
    authentication: Authentication,
    attempts: u32,
    key: PublicKey,
    id: Name,
    former: Vec<PublicKey>,
    clock: Clock,
    agent: ureq::Agent,
}

/// Why an attempt gave no signature.
enum Missed {
    /// Worth another attempt.
    Unreachable(String),
    Refused(String),
}

impl SigningServer {
    /// A client for the first of these keys; the others are those before it.
    ///
    /// # Errors
    /// No key, a secret that is too short, or neither token nor secret.
    pub fn new(settings: &Settings, keys: &[PublicKey], clock: Clock) -> Result<Self, SignerError> {
        let missing = || SignerError::Server("its public key is not configured".to_owned());
        let (key, former) = keys.split_first().ok_or_else(missing)?;
        let id = key_id(key)?;
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(u64::from(settings.timeout_ms.max(1)))))
            .max_redirects(0)
            .http_status_as_error(false)
            .build();
        Ok(Self {
            url: settings.url.clone(),
            name: match settings.key.as_str() {
                "" => id.to_string(),
                name => name.to_owned(),
            },
            authentication: Authentication::new(&settings.token, &settings.secret).map_err(SignerError::Server)?,
            attempts: settings.attempts.max(1),
            key: key.clone(),
            id,
            former: former.to_vec(),
            clock,
            agent: agent.into(),
        })
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, Missed> {
        let body = wire::question(&self.name, message);
        let mut request = self.agent.post(&self.url).content_type("application/json");
        for (name, value) in self.authentication.headers(self.clock.now(), &body) {
            request = request.header(name, value);
        }
        let unreachable = |error: ureq::Error| Missed::Unreachable(error.to_string());
        let mut response = request.send(body.as_bytes()).map_err(unreachable)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(LARGEST).read_to_string();
        let text = text.map_err(unreachable)?;
        match status {
            200 => wire::signature(&text).map_err(Missed::Refused),
            400..=499 => Err(Missed::Refused(format!("it answered {status}"))),
            _ => Err(Missed::Unreachable(format!("it answered {status}"))),
        }
    }
}

impl PlatformSigner for SigningServer {
    fn key_id(&self) -> Name {
        self.id.clone()
    }

    fn public_key(&self) -> PublicKey {
        self.key.clone()
    }

    fn former(&self) -> &[PublicKey] {
        &self.former
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut rest = REST;
        for attempt in 1..=self.attempts {
            match self.ask(message) {
                Ok(signature) => {
                    let fits = self.key.verify(message, &signature);
                    let other = |_| SignerError::Server("its signature does not fit the configured key".to_owned());
                    return fits.map_err(other).map(|()| signature);
                }
                Err(Missed::Refused(why)) => return Err(SignerError::Server(why)),
                Err(Missed::Unreachable(why)) if attempt == self.attempts => return Err(SignerError::Server(why)),
                Err(Missed::Unreachable(why)) => {
                    tracing::warn!(why, attempt, "the signing server did not answer");
                    std::thread::sleep(rest);
                    rest = rest.saturating_mul(2);
                }
            }
        }
        Err(SignerError::Server("it was not asked".to_owned()))
    }

    fn is_at_hand(&self) -> bool {
        false
    }
}

/// Shows no token and no secret.
impl std::fmt::Debug for SigningServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningServer")
            .field("url", &self.url)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
