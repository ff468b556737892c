//! Tests: the shipped workflows by their scenarios, and the runner that plays them.

mod random;
mod runner;
mod samples;
mod shipped;

use std::collections::BTreeMap;
use std::path::Path;

use luochui::machine::Bundle;
use luochui::machine::calendar::Calendars;
use luochui::machine::definition::{Diagnostic, check};

/// The texts of a folder's files, by path relative to it, as far as `wanted` says.
fn texts(folder: &Path, prefix: &str, wanted: &dyn Fn(&str) -> bool, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            texts(&path, &format!("{name}/"), wanted, into);
        } else if wanted(&name) {
            into.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

pub fn asset_sale() -> (Option<Bundle>, Vec<Diagnostic>) {
    asset_sale_with(|_| {})
}

/// The bundle with its files changed.
pub fn asset_sale_with(change: impl FnOnce(&mut BTreeMap<String, String>)) -> (Option<Bundle>, Vec<Diagnostic>) {
    let mut files = BTreeMap::new();
    let definition =
        |name: &str| name.ends_with(".yaml") && !name.ends_with(".test.yaml") && !name.starts_with("samples");
    texts(Path::new("workflows/asset-sale"), "", &definition, &mut files);
    let template = |name: &str| name.ends_with(".hbs");
    for part in ["documents", "mail"] {
        let prefix = format!("templates/{part}/");
        texts(&Path::new("templates").join(part), &prefix, &template, &mut files);
    }
    change(&mut files);
    let checked = check(&files);
    (checked.bundle, checked.diagnostics)
}

pub fn calendars() -> Calendars {
    let mut files = BTreeMap::new();
    texts(
        Path::new("workflows/calendars"),
        "",
        &|name| name.ends_with(".yaml"),
        &mut files,
    );
    let mut calendars = Calendars::default();
    for text in files.values() {
        calendars.publish(text).unwrap();
    }
    calendars
}

pub fn scenario_files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let scenario = |name: &str| name.ends_with(".test.yaml");
    texts(Path::new("workflows/asset-sale"), "", &scenario, &mut files);
    files
}
