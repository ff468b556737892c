//! What goes over the wire to a signing server, for both of its ends. Must not send or receive anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::machine::Time;
use crate::shared_secret;

const ALGORITHM: &str = "sm2-sm3";
/// How far the clocks of the two ends may differ, in seconds.
const MAX_SKEW: i64 = 300;
/// The shortest secret, in bytes.
const SHORTEST: usize = 32;

/// How a request proves that it is the platform's.
pub struct Authentication {
    token: String,
    /// Empty where requests are not signed.
    secret: String,
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
        match (token.is_empty(), secret.len()) {
            (true, 0) => Err("neither token nor secret is configured".to_owned()),
            (_, 1..SHORTEST) => Err(format!("the secret has less than {SHORTEST} bytes")),
            _ => Ok(Self {
                token: token.to_owned(),
                secret: secret.to_owned(),
            }),
        }
    }

    /// The headers of a request.
    #[must_use]
    pub fn headers(&self, now: Time, body: &str) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if !self.token.is_empty() {
            headers.push(("Authorization", format!("Bearer {}", self.token)));
        }
        if !self.secret.is_empty() {
            let value = shared_secret::value(&self.secret, now.0 / 1_000, body.as_bytes());
            headers.push((shared_secret::HEADER, value));
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
            let code = |text: String| shared_secret::value(&self.token, 0, text.as_bytes());
            if code(sent) != code(wanted) {
                return Err("the token is wrong".to_owned());
            }
        }
        if !self.secret.is_empty() {
            let sent = header(shared_secret::HEADER).unwrap_or_default();
            let (at, value) = shared_secret::parts(&sent).ok_or("it is not signed")?;
            let seconds: i64 = at.parse().map_err(|_| "its time is no number")?;
            if (now.0 / 1_000).saturating_sub(seconds).abs() > MAX_SKEW {
                return Err("it is of another time".to_owned());
            }
            if !shared_secret::fits(&self.secret, (at, value), body) {
                return Err("its signature is wrong".to_owned());
            }
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
