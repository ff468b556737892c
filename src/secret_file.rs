//! Files that only their owner may read: drawn once, or put in the place of what is there, and always whole. Must not know what a
//! secret is for.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What the file holds; where there is none, what is drawn is written first. Two processes may start on one folder at once: the file
/// is linked into place whole, and the first one's stays.
///
/// # Errors
/// A file that cannot be read or written, and the draw's own.
pub fn read_or_draw<T: AsRef<[u8]>>(path: &Path, draw: impl FnOnce() -> io::Result<T>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = write_beside(path, draw()?.as_ref())?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::read(path),
    }
}

/// Puts new content into the place of the file, or where none is.
///
/// # Errors
/// A file that cannot be written; then the former content stands.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let fresh = write_beside(path, content.as_ref())?;
    fs::rename(fresh, path)
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_drawn_once_and_replaced_whole_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/one.secret");
        let draw = |text: &'static str| read_or_draw(&path, || Ok(text)).unwrap();
        assert_eq!(draw("first"), b"first");
        assert_eq!(draw("second"), b"first");
        replace(&path, "third").unwrap();
        assert_eq!(draw("fourth"), b"third");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing lies beside it");
    }
}
