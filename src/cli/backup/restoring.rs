//! Puts a backup into an empty place and verifies it there. Must not touch a place that holds anything.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::{FILES, Places, SQLITE_COPY, TABLES, copy_folder, require_empty};
use crate::cli::Failure;
use crate::engine::audit::{Depth, verify};
use crate::engine::lock_file;
use crate::store::connection::{Target, Use};
use crate::store::migrations::migrate;
use crate::store::{Connection, StoreError, dialect, table_export as tables};

#[derive(clap::Args)]
pub struct RestoreOptions {
    /// The backup.
    folder: PathBuf,
    /// Another database than the configured one; it must not exist yet (SQLite) or hold no tables (PostgreSQL).
    #[arg(long)]
    database: Option<String>,
    /// Another folder of files than the configured one; it must be absent or empty.
    #[arg(long)]
    files: Option<PathBuf>,
}

pub fn restore(config: Option<&Path>, options: &RestoreOptions) -> Result<(), Failure> {
    let places = Places::of(config, options.database.as_deref(), options.files.as_deref())?;
    let manifest = Manifest::verified(&options.folder)?;
    require_empty(&places.files)?;
    let failed = |error: StoreError| Failure(format!("failed to restore the database: {error}"));
    let mut conn = match &places.target {
        Target::Sqlite(file) => restore_file(&options.folder, file, &places.target)?,
        Target::Postgres(_) => restore_rows(&options.folder, &manifest, &places.target)?,
    };
    let files = options.folder.join(FILES);
    if files.is_dir() {
        copy_folder(&files, &places.files).map_err(|error| Failure(format!("failed to restore files: {error}")))?;
    }
    let report = verify(&mut conn, Depth::Replay).map_err(failed)?;
    for fault in &report.faults {
        eprintln!("{fault}");
    }
    if !report.faults.is_empty() {
        return Err(Failure(format!(
            "restored, but {} trades do not verify",
            report.faults.len()
        )));
    }
    println!(
        "restored {} files; verified the chains of {} trades with {} entries and decided {} of them again",
        manifest.files.len(),
        report.trades,
        report.entries,
        report.replayed
    );
    Ok(())
}

fn restore_file(backup: &Path, file: &Path, target: &Target) -> Result<Connection, Failure> {
    let failed = |error: StoreError| Failure(format!("failed to restore the database: {error}"));
    let io = |error: std::io::Error| Failure(format!("failed to write {}: {error}", file.display()));
    let copy = backup.join(SQLITE_COPY);
    if !copy.is_file() {
        return Err(Failure("this is a backup of a PostgreSQL database".into()));
    }
    if file.exists() {
        return Err(Failure(format!(
            "{} exists; a backup is restored into an empty place",
            file.display()
        )));
    }
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let _lock = lock_file(file).map_err(failed)?;
    std::fs::copy(&copy, file).map_err(io)?;
    std::fs::File::open(file).and_then(|file| file.sync_all()).map_err(io)?;
    let mut conn = target.open(Use::Write).map_err(failed)?;
    dialect::check_integrity(&mut conn).map_err(failed)?;
    migrate(&mut conn).map_err(failed)?;
    Ok(conn)
}

fn restore_rows(backup: &Path, manifest: &Manifest, target: &Target) -> Result<Connection, Failure> {
    let failed = |error: StoreError| Failure(format!("failed to restore the database: {error}"));
    let rows = backup.join(TABLES);
    if !rows.is_dir() {
        return Err(Failure("this is a backup of an SQLite database".into()));
    }
    let mut conn = target.open(Use::Write).map_err(failed)?;
    if tables::count(&mut conn).map_err(failed)? > 0 {
        return Err(Failure(
            "the database holds tables; a backup is restored into an empty one".into(),
        ));
    }
    migrate(&mut conn).map_err(failed)?;
    if tables::migrations(&mut conn).map_err(failed)? != manifest.migrations {
        return Err(Failure(format!(
            "the backup was made by version {} with another schema; restore it with that version, then migrate",
            manifest.version
        )));
    }
    dialect::write_transaction(&mut conn, |conn| tables::import(conn, &rows)).map_err(failed)?;
    Ok(conn)
}
