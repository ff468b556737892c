//! Source to model: reads the files, resolves every name, compiles every expression, and gathers all faults before it gives up.
//! Must not read files or decide what a definition does when it runs.

mod actions;
pub mod data;
pub mod declarations;
mod events;
mod head;
mod known;
mod machine;
mod readers;
mod scope;
mod sessions;
mod skeleton;
mod states;
mod timers;
pub mod todo;
mod transitions;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use declarations::Declarations;
pub use skeleton::Outline;

use super::decode::decode;
use super::diagnostic::{At, Diagnostic, Sink};
use super::locate;
use super::model::Bundle;
use super::source::bundle::{BundleSource, FormSource};
use super::source::machine::MachineSource;
use crate::machine::templates;

/// The largest file of a bundle, in bytes.
pub const MAX_FILE: usize = 1024 * 1024;

/// What came of a bundle's files. There is a bundle exactly where no diagnostic is an error.
#[derive(Debug)]
pub struct Checked {
    pub bundle: Option<Bundle>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a bundle from its files by path: `bundle.yaml`, `listing.yaml`, `forms/…`, `templates/…`.
///
/// # Errors
/// All faults, where one of them is an error.
pub fn compile(files: &BTreeMap<String, String>) -> Result<Bundle, Vec<Diagnostic>> {
    let checked = check(files);
    checked.bundle.ok_or(checked.diagnostics)
}

/// As `compile`, with warnings also where the bundle compiles.
pub fn check(files: &BTreeMap<String, String>) -> Checked {
    let mut found = Vec::new();
    let bundle = read(files, &mut found).and_then(|sources| build(files, &sources, &mut found));
    if let Some(bundle) = &bundle {
        found.extend(templates::check(bundle));
    }
    found.sort();
    found.dedup();
    let failed = found.iter().any(Diagnostic::is_error);
    Checked {
        bundle: bundle.filter(|_| !failed),
        diagnostics: found,
    }
}

/// SHA-256 over all files in the order of their paths, each with its length; lower-case hex.
pub fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (path, text) in files {
        for part in [path, text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hex::encode(hasher.finalize())
}

/// All sources of a bundle that could be read.
pub struct Sources {
    pub bundle: BundleSource,
    /// By file.
    pub machines: Vec<(String, MachineSource)>,
    pub forms: BTreeMap<String, FormSource>,
    /// Machine and form files that could not be read: what they would have declared is not reported as missing.
    pub broken: bool,
}

fn read(files: &BTreeMap<String, String>, found: &mut Vec<Diagnostic>) -> Option<Sources> {
    for (path, text) in files {
        if text.len() > MAX_FILE {
            let message = format!("the file has {} bytes; at most {MAX_FILE} are read", text.len());
            found.push(Diagnostic::error("file_too_large", path, At::default(), message));
        }
    }
    if !found.is_empty() {
        return None;
    }
    let bundle: Option<BundleSource> = match files.get("bundle.yaml") {
        Some(text) => read_file("bundle.yaml", text, found),
        None => {
            let fault = Diagnostic::error(
                "missing_file",
                "bundle.yaml",
                At::default(),
                "the bundle has no bundle.yaml",
            );
            found.push(fault);
            None
        }
    };
    let mut forms = BTreeMap::new();
    let mut machines = Vec::new();
    let mut broken = false;
    for (path, text) in files.iter().filter(|(path, _)| is_definition(path)) {
        if path.starts_with("forms/") {
            match read_file(path, text, found) {
                Some(form) => {
                    forms.insert(path.clone(), form);
                }
                None => broken = true,
            }
        } else {
            match read_file(path, text, found) {
                Some(machine) if is_named_after(path, &machine, found) => machines.push((path.clone(), machine)),
                _ => broken = true,
            }
        }
    }
    Some(Sources {
        bundle: bundle?,
        machines,
        forms,
        broken,
    })
}

/// A machine stands in the file of its name, so that two files never declare the same one.
fn is_named_after(path: &str, machine: &MachineSource, found: &mut Vec<Diagnostic>) -> bool {
    let name = &machine.machine;
    let expected = format!("{}.yaml", name.value);
    if path == expected {
        return true;
    }
    let message = format!("the machine `{}` stands in {path}", name.value);
    found.push(
        Diagnostic::error("wrong_file_name", path, name.at, message).hint(format!("rename the file to {expected}")),
    );
    false
}

fn is_definition(path: &str) -> bool {
    path != "bundle.yaml" && path.ends_with(".yaml") && !path.ends_with(".test.yaml") && !path.starts_with("templates/")
}

fn read_file<T: serde::de::DeserializeOwned>(path: &str, text: &str, found: &mut Vec<Diagnostic>) -> Option<T> {
    let mut sink = Sink { file: path, found };
    let mut root = locate::parse(text, &mut sink)?;
    decode(&mut root, &mut sink)
}

fn build(files: &BTreeMap<String, String>, sources: &Sources, found: &mut Vec<Diagnostic>) -> Option<Bundle> {
    let outlines = skeleton::outlines(sources, found);
    let mut declarations = declarations::declare(files, sources, &outlines, found);
    let mut machines = BTreeMap::new();
    machine::conditions(&mut declarations, &outlines, found);
    for outline in &outlines {
        let machine = machine::compile(&declarations, outline, found);
        machines.insert(machine.name.clone(), machine);
    }
    super::check::check(sources, &outlines, &declarations, &machines, found);
    head::bundle(files, sources, declarations, machines, found)
}
