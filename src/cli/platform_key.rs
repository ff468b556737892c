//! The platform's key on this machine: read from its file, or drawn once into the data folder. Must not be logged or shown.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::Failure;
use crate::config::Config;
use crate::record::{FileKey, PlatformSigner};
use crate::seal::sm2::SecretKey;

/// Who signs for the platform; draws a key (mode 0600) where the configured file is not there.
///
/// # Errors
/// A file that cannot be read or written, or that holds something else.
pub fn signer(config: &Config) -> Result<Arc<dyn PlatformSigner>, Failure> {
    let path = config.platform_key();
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the platform's key {}: {error}", path.display()));
    let pem = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => draw(&path)?,
        read => read.map_err(|error| failed(&error))?,
    };
    let secret = SecretKey::from_pem(&pem).map_err(|error| failed(&error))?;
    Ok(Arc::new(FileKey::new(secret).map_err(|error| failed(&error))?))
}

/// Two processes may start on one folder at once: the file is linked into place whole, and the first one's stays.
fn draw(path: &Path) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the platform's key {}: {error}", path.display()));
    let mut random = Ok(());
    let secret = SecretKey::generate(&mut |bytes| random = getrandom::fill(bytes));
    random.map_err(|error| failed(&error))?;
    let pem = secret
        .and_then(|secret| secret.to_pem())
        .map_err(|error| failed(&error))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(|error| failed(&error))?;
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh).map_err(|error| failed(&error))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(&error)),
        _ => std::fs::read_to_string(path).map_err(|error| failed(&error)),
    }
}
