//! The secret that signs access tokens: configured, or drawn once into the data folder. Must not be logged or shown.

use std::io;
use std::path::PathBuf;

use crate::config::Config;
use crate::ids;
use crate::secret_file;

/// HS256 is as strong as its key only from the length of its hash on (RFC 7518 §3.2).
const SHORTEST: usize = 32;

/// Why there is no secret to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret {origin} has {length} bytes; {SHORTEST} are needed")]
    Short { origin: String, length: usize },
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
}

/// The key of access tokens; draws one into `jwt.secret` of the data folder (mode 0600) where none is configured.
///
/// # Errors
/// A secret that is too short, and a file that cannot be read or written.
pub fn token_secret(config: &Config) -> Result<Vec<u8>, SecretError> {
    if !config.login.jwt_secret.is_empty() {
        return long_enough(config.login.jwt_secret.clone().into_bytes(), "login.jwt_secret");
    }
    let path = config.paths.data.join("jwt.secret");
    match secret_file::read_or_draw(&path, || ids::secret().map_err(io::Error::other)) {
        Ok(secret) => long_enough(secret, &path.to_string_lossy()),
        Err(error) => Err(SecretError::File { path, error }),
    }
}

fn long_enough(secret: Vec<u8>, origin: &str) -> Result<Vec<u8>, SecretError> {
    if secret.len() < SHORTEST {
        return Err(SecretError::Short {
            origin: origin.to_owned(),
            length: secret.len(),
        });
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_testing(&folder.path().join("data"));
        let first = token_secret(&config).unwrap();
        assert_eq!(first, token_secret(&config).unwrap());
        assert_eq!(first, std::fs::read(folder.path().join("data/jwt.secret")).unwrap());
    }

    #[test]
    fn a_short_secret_is_refused_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(folder.path());
        std::fs::write(folder.path().join("jwt.secret"), "short").unwrap();
        assert!(matches!(
            token_secret(&config),
            Err(SecretError::Short { length: 5, .. })
        ));
        config.login.jwt_secret = "also short".into();
        assert!(matches!(
            token_secret(&config),
            Err(SecretError::Short { length: 10, .. })
        ));
    }
}
