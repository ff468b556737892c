//! The secret that signs access tokens: given, or drawn once into the data folder. Must not be logged or shown.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Config;

/// HS256 is as strong as its key only from the length of its hash on (RFC 7518 §3.2).
const SHORTEST: usize = 32;

/// Why there is no secret to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret {origin} has {length} bytes; {SHORTEST} are needed")]
    Short { origin: String, length: usize },
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl Config {
    /// The key of access tokens; draws one into `jwt.secret` of the data folder (mode 0600) where none is configured.
    pub fn jwt_secret(&self) -> Result<Vec<u8>, SecretError> {
        if !self.login.jwt_secret.is_empty() {
            return long_enough(self.login.jwt_secret.clone().into_bytes(), "login.jwt_secret");
        }
        let path = self.paths.data.join("jwt.secret");
        let failed = |error| SecretError::File {
            path: path.clone(),
            error,
        };
        match std::fs::read(&path) {
            Ok(secret) => long_enough(secret, &path.to_string_lossy()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::create_dir_all(&self.paths.data).map_err(failed)?;
                draw(&path)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Two processes may start on one folder at once: the file is linked into place whole, and the first one's stays.
fn draw(path: &Path) -> Result<Vec<u8>, SecretError> {
    let failed = |error| SecretError::File {
        path: path.into(),
        error,
    };
    let mut bytes = [0; SHORTEST];
    getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed)?;
    file.write_all(hex::encode(bytes).as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => long_enough(std::fs::read(path).map_err(failed)?, &path.to_string_lossy()),
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_drawn_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_testing(&folder.path().join("data"));
        let first = config.jwt_secret().unwrap();
        assert_eq!(first, config.jwt_secret().unwrap());
        let mode = std::fs::metadata(folder.path().join("data/jwt.secret"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_secret_is_refused_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(folder.path());
        std::fs::write(folder.path().join("jwt.secret"), "short").unwrap();
        assert!(matches!(config.jwt_secret(), Err(SecretError::Short { length: 5, .. })));
        config.login.jwt_secret = "also short".into();
        assert!(matches!(
            config.jwt_secret(),
            Err(SecretError::Short { length: 10, .. })
        ));
    }
}
