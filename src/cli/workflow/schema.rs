//! `luochui workflow schema`: the JSON Schema of the YAML, for editors that complete and check while one types.

use clap::ValueEnum;
use schemars::schema_for;

use super::super::Failure;
use super::print;
use crate::machine::definition::source::bundle::{BundleSource, FormSource};
use crate::machine::definition::source::machine::MachineSource;

#[derive(clap::Args)]
pub struct Options {
    /// Which file the schema is for.
    #[arg(value_enum, default_value_t = Kind::Machine)]
    kind: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// bundle.yaml
    Bundle,
    /// A machine, such as listing.yaml
    Machine,
    /// forms/*.yaml
    Form,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let schema = match options.kind {
        Kind::Bundle => schema_for!(BundleSource),
        Kind::Machine => schema_for!(MachineSource),
        Kind::Form => schema_for!(FormSource),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure(error.to_string()))?;
    print(&text)
}
