//! Passwords: argon2 on a blocking pool, few at a time, and the rules a new one has to meet.
//! Must not know accounts.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::problem::{Code, Problem};
use crate::ids;

/// Each hash takes 19 MiB (argon2's default, OWASP's minimum); two at a time keep a login storm below 40 MiB.
const AT_A_TIME: usize = 2;
/// NIST SP 800-63B, 5.1.1.2 asks for 8 at least; 等保三级 asks for complexity, so 10 with two kinds of characters.
const MIN_CHARS: usize = 10;
const MAX_BYTES: usize = 256;

/// Hashes and checks passwords without blocking the server.
#[derive(Clone)]
pub struct Passwords {
    gate: Arc<Semaphore>,
    /// A hash of nothing anybody knows: an unknown name costs as much time as a wrong password.
    decoy: Arc<str>,
}

impl Passwords {
    /// # Errors
    /// The decoy cannot be hashed.
    pub fn new() -> Result<Self, Problem> {
        let random = ids::random::<32>()?;
        Ok(Self {
            gate: Arc::new(Semaphore::new(AT_A_TIME)),
            decoy: hash_now(&hex::encode(random))?.into(),
        })
    }

    /// The PHC string to store.
    ///
    /// # Errors
    /// The machinery fails.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.run(move || hash_now(&password)).await?
    }

    /// True where the password fits. Takes as long where there is no hash to check against.
    ///
    /// # Errors
    /// The machinery fails.
    pub async fn fits(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let fits = self.run(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _turn = self
            .gate
            .acquire()
            .await
            .map_err(|error| Problem::internal("wait for a turn", &error))?;
        actix_web::rt::task::spawn_blocking(work)
            .await
            .map_err(|error| Problem::internal("hash a password", &error))
    }
}

/// Hashes on this thread; for the command line.
///
/// # Errors
/// The machinery fails.
pub fn hash_now(password: &str) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Problem::internal("hash a password", &error))
}

/// Checks a new password against the rules.
///
/// # Errors
/// `invalid`, naming the rule.
pub fn check_new(password: &str, name: &str) -> Result<(), Problem> {
    let wrong = |why: &str| {
        Err(Problem::new(Code::Invalid)
            .detail(format!("`password` {why}"))
            .member("field", "password"))
    };
    if password.chars().count() < MIN_CHARS || password.len() > MAX_BYTES {
        return wrong("must have 10 characters or more, at most 256 bytes");
    }
    if password.chars().any(char::is_control) {
        return wrong("must not hold control characters");
    }
    let kinds = [
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(char::is_alphabetic),
        password.chars().any(|c| !c.is_alphanumeric()),
    ];
    if kinds.iter().filter(|present| **present).count() < 2 {
        return wrong("must mix letters, digits or other characters");
    }
    if !name.is_empty() && password.to_lowercase().contains(&name.to_lowercase()) {
        return wrong("must not contain the sign-in name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused() {
        for password in ["short1!", "0123456789", "abcdefghij", "xx-zhang.san-1", "abcdefgh1\n"] {
            assert!(check_new(password, "zhang.san").is_err(), "{password}");
        }
        assert!(check_new(&"ab1".repeat(90), "zhang").is_err());
        assert!(check_new("correct horse 1", "zhang").is_ok());
        assert!(check_new("落槌之前先想一想啊 1", "zhang").is_ok());
    }
}
