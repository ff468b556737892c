//! `luochui user`.

use std::path::Path;

use super::Failure;

#[derive(clap::Subcommand)]
pub enum Command {}

pub fn run(_config: Option<&Path>, _command: &Command) -> Result<(), Failure> {
    Err(Failure("user is not written yet".into()))
}
