//! `luochui workflow`: check, test, draw and describe definitions. Must not decide what is right: `machine::definition` does.

mod check;
mod graph;
mod schema;
mod test;

use std::io::Write as _;
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
    /// Draw the machines of a bundle as Mermaid or Graphviz text.
    Graph(graph::Options),
    /// Print the JSON Schema of the YAML, for editors.
    Schema(schema::Options),
    /// Play the scenario files that stand beside a bundle.
    Test(test::Options),
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check(options) => check::run(options),
        Command::Graph(options) => graph::run(options),
        Command::Schema(options) => schema::run(options),
        Command::Test(options) => test::run(options),
    }
}

/// Prints what a command is for. A reader that has seen enough, such as `head`, is no fault.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure(format!("failed to print: {error}")))
        }
        _ => Ok(()),
    }
}
