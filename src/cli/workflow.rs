//! `luochui workflow`: check, test, draw and describe definitions. Must not decide what is right: `machine::definition` does.

mod check;
mod test;

use std::path::PathBuf;

use super::Failure;

/// A bundle's folder, and where shared templates stand.
#[derive(clap::Args)]
pub struct Place {
    /// Folder of the bundle, such as workflows/asset-sale.
    folder: PathBuf,
    /// Folder of the templates that several bundles share.
    #[arg(long, default_value = "templates")]
    templates: PathBuf,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Report everything that is wrong in a bundle, with file, line, column and a hint.
    Check(check::Options),
    /// Play the scenario files that stand beside a bundle.
    Test(test::Options),
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check(options) => check::run(options),
        Command::Test(options) => test::run(options),
    }
}
