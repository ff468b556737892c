//! `luochui backup` and `luochui restore`.

use std::path::Path;

use super::Failure;

#[derive(clap::Args)]
pub struct BackupOptions {}

#[derive(clap::Args)]
pub struct RestoreOptions {}

pub fn backup(_config: Option<&Path>, _options: &BackupOptions) -> Result<(), Failure> {
    Err(Failure("backup is not written yet".into()))
}

pub fn restore(_config: Option<&Path>, _options: &RestoreOptions) -> Result<(), Failure> {
    Err(Failure("restore is not written yet".into()))
}
