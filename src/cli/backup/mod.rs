//! `luochui backup` and `luochui restore`: database and files, consistent with each other, taken while the server runs.
//! Must not overwrite anything.

mod manifest;
mod restoring;

use std::path::{Path, PathBuf};

use super::Failure;
use super::audit::require_file;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::connection::{Target, Use};
use crate::store::{Connection, StoreError, dialect, table_export as tables};
use manifest::Manifest;

pub use restoring::{RestoreOptions, restore};

/// The copy of an SQLite database within a backup.
const SQLITE_COPY: &str = "luochui.db";
/// The rows of a PostgreSQL database within a backup: a file of JSON lines per table.
const TABLES: &str = "tables";
/// Uploads and documents within a backup.
const FILES: &str = "files";

#[derive(clap::Args)]
pub struct BackupOptions {
    /// A folder that does not exist yet, or is empty.
    folder: PathBuf,
    /// Another database than the configured one.
    #[arg(long)]
    database: Option<String>,
    /// Another folder of files than the configured one.
    #[arg(long)]
    files: Option<PathBuf>,
}

/// The places that backup and restore work between.
struct Places {
    target: Target,
    files: PathBuf,
}

impl Places {
    fn of(config: Option<&Path>, database: Option<&str>, files: Option<&Path>) -> Result<Self, Failure> {
        let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
        let url = database.map_or_else(|| config.database_url(), str::to_owned);
        Ok(Self {
            target: Target::parse(&url).map_err(|error| Failure(error.to_string()))?,
            files: files.map_or_else(|| config.files_folder(), Path::to_path_buf),
        })
    }
}

/// Copies the database as it stands at one moment, then the files: those are added before the rows that name them, so
/// that every file a copied row names is there.
pub fn backup(config: Option<&Path>, options: &BackupOptions) -> Result<(), Failure> {
    let places = Places::of(config, options.database.as_deref(), options.files.as_deref())?;
    require_file(&places.target)?;
    require_empty(&options.folder)?;
    let failed = |error: StoreError| Failure(format!("failed to copy the database: {error}"));
    let io = |error: std::io::Error| Failure(format!("failed to write {}: {error}", options.folder.display()));
    std::fs::create_dir_all(&options.folder).map_err(io)?;
    let mut conn = places.target.open(Use::Copy).map_err(failed)?;
    let migrations = match places.target.file() {
        Some(_) => {
            dialect::copy_into(&mut conn, &options.folder.join(SQLITE_COPY)).map_err(failed)?;
            tables::migrations(&mut conn).map_err(failed)?
        }
        None => export(&mut conn, &options.folder.join(TABLES)).map_err(failed)?,
    };
    if places.files.is_dir() {
        copy_folder(&places.files, &options.folder.join(FILES)).map_err(io)?;
    }
    let manifest = Manifest::of(&options.folder, migrations, Clock::system().now().0).map_err(io)?;
    manifest.write(&options.folder)?;
    println!(
        "{} files, {} bytes, in {}",
        manifest.files.len(),
        manifest.bytes(),
        options.folder.display()
    );
    Ok(())
}

fn export(conn: &mut Connection, folder: &Path) -> Result<Vec<String>, StoreError> {
    std::fs::create_dir_all(folder).map_err(|error| StoreError::File(format!("{}: {error}", folder.display())))?;
    dialect::read_transaction(conn, |conn| {
        tables::export(conn, folder)?;
        tables::migrations(conn)
    })
}

fn require_empty(folder: &Path) -> Result<(), Failure> {
    let first = std::fs::read_dir(folder).ok().and_then(|mut entries| entries.next());
    match first {
        Some(_) => Err(Failure(format!("{} is not empty", folder.display()))),
        None => Ok(()),
    }
}

/// Copies a folder with its subfolders and flushes every file.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            match std::fs::copy(entry.path(), &target) {
                Ok(_) => std::fs::File::open(&target)?.sync_all()?,
                // An upload that was given up meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
