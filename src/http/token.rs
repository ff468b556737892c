//! Access tokens: short JWTs that name an account, a session and the account's session version.
//! Must not decide whether the session still stands: the rows say that.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::problem::{Code, Problem};
use crate::machine::Time;

const ISSUER: &str = "luochui";
const AUDIENCE: &str = "luochui-api";
/// Ours have some 300 bytes; a longer one is not worth the work of verifying it.
const MAX_BYTES: usize = 2_048;

/// What a token says. Times are seconds since 1970; every claim is required, and of this type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The session: one sign-in with all its refreshed tokens.
    pub sid: String,
    /// Raised when the account's sessions are ended all at once.
    pub ver: i64,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// Signs and verifies with one key.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    /// How long an access token holds, in seconds.
    pub seconds: i64,
}

impl Tokens {
    #[must_use]
    pub fn new(secret: &[u8], seconds: i64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // The crate reads the wall clock with a leeway of a minute. Ours may be virtual and gives none: checked below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            validation,
            seconds,
        }
    }

    /// A token for a session, good from `now` on.
    ///
    /// # Errors
    /// The signature cannot be made.
    pub fn issue(&self, account: &str, session: &str, version: i64, now: Time) -> Result<String, Problem> {
        let seconds = now.0.div_euclid(1_000);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.to_owned(),
            sid: session.to_owned(),
            ver: version,
            iat: seconds,
            nbf: seconds,
            exp: seconds.saturating_add(self.seconds),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(|error| Problem::internal("sign a token", &error))
    }

    /// The refresh token that follows another one. Always the same one: a client that never got the answer may ask again.
    ///
    /// # Errors
    /// The code cannot be made.
    pub fn successor(&self, refresh: &str) -> Result<String, Problem> {
        // The space keeps it apart from whatever is signed in a JWT.
        let message = format!("follows {refresh}");
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.signing, Algorithm::HS256)
            .map_err(|error| Problem::internal("derive a token", &error))
    }

    /// The claims of a token that is ours and valid at `now`; a token ends exactly at its `exp`.
    ///
    /// # Errors
    /// `unauthenticated`, or `token_expired` for one of ours that is over.
    pub fn verify(&self, token: &str, now: Time) -> Result<Claims, Problem> {
        let wrong = || Problem::new(Code::Unauthenticated);
        if token.len() > MAX_BYTES {
            return Err(wrong());
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|_| wrong())?
            .claims;
        let millis = |seconds: i64| seconds.checked_mul(1_000).map(Time);
        match (millis(claims.nbf), millis(claims.exp)) {
            (Some(begin), Some(end)) if begin <= now && now < end => Ok(claims),
            (Some(begin), Some(end)) if begin <= now && end <= now => Err(Problem::new(Code::TokenExpired)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const NOW: Time = Time(1_800_000_000_000);

    fn forge(header: &str, claims: &serde_json::Value, key: &[u8]) -> String {
        use hmac::{Hmac, KeyInit, Mac};
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims() -> serde_json::Value {
        let seconds = NOW.0 / 1_000;
        serde_json::json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "a", "sid": "s", "ver": 1,
            "iat": seconds, "nbf": seconds, "exp": seconds + 600})
    }

    #[test]
    fn a_token_holds_exactly_until_its_end() {
        let tokens = Tokens::new(b"key", 600);
        let token = tokens.issue("a", "s", 3, NOW).unwrap();
        assert_eq!(tokens.verify(&token, NOW).unwrap().ver, 3);
        assert!(tokens.verify(&token, Time(NOW.0 + 599_999)).is_ok());
        assert_eq!(
            tokens.verify(&token, Time(NOW.0 + 600_000)).unwrap_err().code,
            "token_expired"
        );
        assert_eq!(
            tokens.verify(&token, Time(NOW.0 - 1)).unwrap_err().code,
            "unauthenticated"
        );
    }

    #[test]
    fn forgeries_are_refused() {
        let tokens = Tokens::new(b"key", 600);
        let hs256 = r#"{"alg":"HS256","typ":"JWT"}"#;
        assert!(tokens.verify(&forge(hs256, &claims(), b"key"), NOW).is_ok());
        assert!(tokens.verify(&forge(hs256, &claims(), b"other"), NOW).is_err());
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"ES256"}"#,
        ] {
            assert!(
                tokens.verify(&forge(header, &claims(), b"key"), NOW).is_err(),
                "{header}"
            );
        }
        let unsigned = forge(hs256, &claims(), b"key");
        let unsigned = unsigned.rsplit_once('.').unwrap().0;
        assert!(tokens.verify(&format!("{unsigned}."), NOW).is_err());
        assert!(tokens.verify(unsigned, NOW).is_err());
        let bends: [(&str, serde_json::Value); 9] = [
            ("exp", "1800000600".into()),
            ("exp", serde_json::json!(1.8e9)),
            ("exp", serde_json::json!(-1)),
            ("exp", i64::MAX.into()),
            ("nbf", serde_json::json!(1_800_000_001)),
            ("aud", serde_json::json!(["luochui-api", "other"])),
            ("aud", "other".into()),
            ("iss", "other".into()),
            ("admin", true.into()),
        ];
        for (claim, value) in bends {
            let mut bent = claims();
            bent[claim] = value.clone();
            assert!(
                tokens.verify(&forge(hs256, &bent, b"key"), NOW).is_err(),
                "{claim} {value}"
            );
        }
        for claim in ["iss", "aud", "sub", "sid", "ver", "nbf", "exp"] {
            let mut bent = claims();
            bent.as_object_mut().unwrap().remove(claim);
            assert!(
                tokens.verify(&forge(hs256, &bent, b"key"), NOW).is_err(),
                "without {claim}"
            );
        }
        assert!(tokens.verify(&"a".repeat(1_000_000), NOW).is_err());
    }
}
