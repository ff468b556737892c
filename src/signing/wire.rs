//! What goes over the wire to a signing server, for both of its ends. Must not send or receive anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::machine::Time;

const ALGORITHM: &str = "sm2-sm3";
/// How far the clocks of the two ends may differ, in seconds.
const MAX_SKEW: i64 = 300;
/// The shortest secret, in bytes.
const SHORTEST: usize = 32;

/// How a request proves that it is the platform's.
pub struct Authentication {
    token: String,
    /// True where requests are signed.
    signs: bool,
    /// Begun with the secret, or with the token where there is none.
    mac: Hmac<Sha256>,
}

#[derive(Serialize, Deserialize)]
struct Question {
    key: String,
    algorithm: String,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    signature: String,
}

/// A request that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the platform calls the key.
    pub key: String,
    pub message: Vec<u8>,
}

impl Authentication {
    /// # Errors
    /// A secret of less than 32 bytes, or neither token nor secret: a server that signs for anyone proves nothing.
    pub fn new(token: &str, secret: &str) -> Result<Self, String> {
        let key = match (token.is_empty(), secret.len()) {
            (true, 0) => return Err("neither token nor secret is configured".to_owned()),
            (_, 1..SHORTEST) => return Err(format!("the secret has less than {SHORTEST} bytes")),
            (_, 0) => token,
            _ => secret,
        };
        Ok(Self {
            token: token.to_owned(),
            signs: !secret.is_empty(),
            mac: Hmac::new_from_slice(key.as_bytes()).map_err(|error| error.to_string())?,
        })
    }

    /// The headers of a request.
    #[must_use]
    pub fn headers(&self, now: Time, body: &str) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if !self.token.is_empty() {
            headers.push(("Authorization", format!("Bearer {}", self.token)));
        }
        if self.signs {
            let at = (now.0 / 1_000).to_string();
            let value = hex::encode(self.code(&at, body.as_bytes()).finalize().into_bytes());
            headers.push(("X-Luochui-Signature", format!("t={at},v1={value}")));
        }
        headers
    }

    /// Verifies a request at the server's end.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it may be told to who sent it.
    pub fn verify(&self, header: impl Fn(&str) -> Option<String>, body: &[u8], now: Time) -> Result<Asked, String> {
        if !self.token.is_empty() {
            let sent = header("Authorization").unwrap_or_default();
            let wanted = format!("Bearer {}", self.token);
            // Compared by codes of equal length, so that time tells nothing of the token.
            let wanted = self.code("", wanted.as_bytes()).finalize();
            if self.code("", sent.as_bytes()).finalize() != wanted {
                return Err("the token is wrong".to_owned());
            }
        }
        if self.signs {
            let sent = header("X-Luochui-Signature").unwrap_or_default();
            let parts = sent.strip_prefix("t=").and_then(|text| text.split_once(",v1="));
            let (at, value) = parts.ok_or("it is not signed")?;
            let seconds: i64 = at.parse().map_err(|_| "its time is no number")?;
            if (now.0 / 1_000).saturating_sub(seconds).abs() > MAX_SKEW {
                return Err("it is of another time".to_owned());
            }
            let value = hex::decode(value).map_err(|_| "its signature is not hex")?;
            self.code(at, body)
                .verify_slice(&value)
                .map_err(|_| "its signature is wrong")?;
        }
        let question: Question = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if question.algorithm != ALGORITHM {
            return Err(format!("{} is not served", question.algorithm));
        }
        let message = STANDARD.decode(&question.message).map_err(|error| error.to_string())?;
        Ok(Asked {
            key: question.key,
            message,
        })
    }

    fn code(&self, at: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

/// The body of a request.
pub(super) fn question(key: &str, message: &[u8]) -> String {
    let question = Question {
        key: key.to_owned(),
        algorithm: ALGORITHM.to_owned(),
        message: STANDARD.encode(message),
    };
    // Texts alone can always be written as JSON.
    serde_json::to_string(&question).unwrap_or_default()
}

/// The body of an answer.
#[must_use]
pub fn answer(signature: &[u8]) -> String {
    let answer = Answer {
        signature: STANDARD.encode(signature),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// The signature in an answer, not verified.
pub(super) fn signature(body: &str) -> Result<Vec<u8>, String> {
    let answer: Answer = serde_json::from_str(body).map_err(|error| format!("its answer: {error}"))?;
    STANDARD
        .decode(answer.signature)
        .map_err(|error| format!("its answer: {error}"))
}
