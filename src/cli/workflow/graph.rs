//! `luochui workflow graph`: draws the machines of a bundle.

use clap::ValueEnum;

use super::super::Failure;
use super::super::folder::read_bundle;
use super::{Place, print};
use crate::machine::definition::compile;
use crate::machine::definition::diagram::{self, draw};

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    /// Only this machine; without it all, one after the other.
    #[arg(long)]
    machine: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Markdown pages and mermaid.live.
    Mermaid,
    /// For Graphviz: `| dot -Tsvg`.
    Dot,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let files = read_bundle(&options.place.folder, &options.place.templates)?;
    let bundle = compile(&files).map_err(|faults| {
        let count = faults.iter().filter(|fault| fault.is_error()).count();
        Failure(format!(
            "the bundle has {count} errors; `luochui workflow check` shows them"
        ))
    })?;
    let format = match options.format {
        Format::Mermaid => diagram::Format::Mermaid,
        Format::Dot => diagram::Format::Dot,
    };
    let wanted = |name: &str| options.machine.as_deref().is_none_or(|machine| machine == name);
    let machines: Vec<_> = bundle
        .machines
        .values()
        .filter(|machine| wanted(&machine.name))
        .collect();
    if machines.is_empty() {
        let known: Vec<&str> = bundle.machines.keys().map(AsRef::as_ref).collect();
        return Err(Failure(format!(
            "there is no such machine; the bundle has {}",
            known.join(", ")
        )));
    }
    for machine in machines {
        print(&draw(machine, format))?;
    }
    Ok(())
}
