//! The platform's key on this machine: read from its file, or drawn once into the data folder, and drawn anew
//! on demand; the public halves of those before stay in a file beside it. Must not be logged or shown.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::record::signer::read_keys;
use crate::record::{FileKey, PlatformSigner};
use crate::seal::sm2::{PublicKey, SecretKey};
use crate::secret_file;
use crate::signing::SigningServer;

/// Who signs for the platform; draws a key (mode 0600) where the configured file is not there.
///
/// # Errors
/// A file that cannot be read or written, or that holds something else.
pub fn signer(config: &Config) -> Result<Arc<dyn PlatformSigner>, Failure> {
    if !config.record.server.url.is_empty() {
        return server(config);
    }
    let path = config.platform_key();
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the platform's key {}: {error}", path.display()));
    let pem = secret_file::read_or_draw(&path, secret).map_err(|error| failed(&error))?;
    let pem = String::from_utf8(pem).map_err(|error| failed(&error))?;
    let secret = SecretKey::from_pem(&pem).map_err(|error| failed(&error))?;
    let key = FileKey::new(secret).map_err(|error| failed(&error))?;
    Ok(Arc::new(key.after(former(&path)?)))
}

/// The key at a signing server. Whether it answers shows when it signs; a file's key never takes its place.
fn server(config: &Config) -> Result<Arc<dyn PlatformSigner>, Failure> {
    let settings = &config.record.server;
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the signing server {}: {error}", settings.url));
    let pem = std::fs::read_to_string(&settings.public_keys)
        .map_err(|error| failed(&format!("{}: {error}", settings.public_keys.display())))?;
    let keys = read_keys(&pem).map_err(|error| failed(&error))?;
    let server = SigningServer::new(settings, &keys, Clock::system()).map_err(|error| failed(&error))?;
    Ok(Arc::new(server))
}

/// Where the public halves of former keys stand, the latest first.
fn former_file(path: &Path) -> PathBuf {
    path.with_extension("former.pem")
}

fn former(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let path = former_file(path);
    let failed =
        |error: &dyn std::fmt::Display| Failure(format!("the platform's former keys {}: {error}", path.display()));
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read_keys(&read.map_err(|error| failed(&error))?).map_err(|error| failed(&error)),
    }
}

/// Draws a new key in the place of the present one, of which only the public half stays. A server that runs signs with the old
/// one until it is started again, and what it signs then still verifies.
///
/// # Errors
/// No present key, or a file that cannot be read or written.
pub fn rotate(config: &Config) -> Result<Arc<dyn PlatformSigner>, Failure> {
    if !config.record.server.url.is_empty() {
        let hint = "draw a key at the signing server and put its public half first into record.server.public_keys";
        return Err(Failure(format!("the key is at a signing server: {hint}")));
    }
    let path = config.platform_key();
    let failed = |error: &dyn std::fmt::Display| Failure(format!("the platform's key {}: {error}", path.display()));
    if !path.exists() {
        return Err(failed(&"there is none yet; `luochui serve` draws one"));
    }
    let present = signer(config)?;
    let public = present.public_key();
    let keys = std::iter::once(&public).chain(present.former().iter().filter(|key| **key != public));
    let former: Result<String, _> = keys.map(PublicKey::to_pem).collect();
    // The public half first: after a crash between the two it stands twice, which harms nobody.
    let former = former.map_err(|error| failed(&error))?;
    secret_file::replace(&former_file(&path), former).map_err(|error| failed(&error))?;
    let fresh = secret().map_err(|error| failed(&error))?;
    secret_file::replace(&path, fresh).map_err(|error| failed(&error))?;
    signer(config)
}

/// A new key as PEM.
fn secret() -> io::Result<Zeroizing<String>> {
    let mut random = Ok(());
    let secret = SecretKey::generate(&mut |bytes| random = getrandom::fill(bytes));
    random.map_err(io::Error::other)?;
    secret.and_then(|secret| secret.to_pem()).map_err(io::Error::other)
}
