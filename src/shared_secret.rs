//! Messages between systems that share a secret: the header by which one end signs and the other verifies. Must not decide how old
//! a message may be: each end knows whose clock it trusts.
//!
//! ```text
//! X-Luochui-Signature: t={seconds since 1970},v1={hex of HMAC-SHA256(secret, t "." body)}
//! ```

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header's name.
pub const HEADER: &str = "X-Luochui-Signature";

/// The header's value for a body that is sent at a second.
#[must_use]
pub fn value(secret: &str, seconds: i64, body: &[u8]) -> String {
    let at = seconds.to_string();
    let code = code(secret, &at, body).map(|code| hex::encode(code.finalize().into_bytes()));
    format!("t={at},v1={}", code.unwrap_or_default())
}

/// The second and the code that a value tells.
#[must_use]
pub fn parts(value: &str) -> Option<(&str, &str)> {
    value.strip_prefix("t=")?.split_once(",v1=")
}

/// True where the code is one over second and body. How long it takes tells nothing of the code that would fit.
#[must_use]
pub fn fits(secret: &str, (at, code): (&str, &str), body: &[u8]) -> bool {
    let sent = hex::decode(code).ok();
    let wanted = self::code(secret, at, body);
    sent.zip(wanted)
        .is_some_and(|(sent, wanted)| wanted.verify_slice(&sent).is_ok())
}

/// `None` never comes: a secret of any length can be used.
fn code(secret: &str, at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    code.update(at.as_bytes());
    code.update(b".");
    code.update(body);
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_end_signs_the_other_verifies_and_nothing_else() {
        let value = value("secret", 7, b"body");
        let told = parts(&value).unwrap();
        assert_eq!(told.0, "7");
        assert!(fits("secret", told, b"body"));
        assert!(!fits("secret", told, b"another"));
        assert!(!fits("another", told, b"body"));
        assert!(!fits("secret", ("8", told.1), b"body"));
        assert!(!fits("secret", ("7", ""), b"body") && !fits("secret", ("7", "zz"), b"body"));
        assert_eq!(parts("v1=00"), None);
    }
}
