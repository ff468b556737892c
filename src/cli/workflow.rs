//! `luochui workflow`.

use super::Failure;

#[derive(clap::Subcommand)]
pub enum Command {}

pub fn run(_command: &Command) -> Result<(), Failure> {
    Err(Failure("workflow is not written yet".into()))
}
