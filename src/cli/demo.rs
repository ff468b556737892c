//! `luochui demo`.

use std::path::Path;

use super::Failure;

#[derive(clap::Args)]
pub struct Options {}

pub fn run(_config: Option<&Path>, _options: &Options) -> Result<(), Failure> {
    Err(Failure("demo is not written yet".into()))
}
