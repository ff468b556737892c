//! Reads bundles of definitions from their folders, keyed as `compile` wants them. Must not judge what it reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Failure;

/// A bundle's files by path relative to it. Templates are those in its own `templates/`, or else those of the shared folder, which then
/// lose its name: `templates/documents/receipt.typ.hbs`. Scenarios and samples stand beside a bundle without being part of it.
pub fn read_bundle(folder: &Path, shared_templates: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files)?;
    if !files.contains_key("bundle.yaml") {
        return Err(Failure(format!("{} holds no bundle.yaml", folder.display())));
    }
    if !files.keys().any(|path| path.starts_with("templates/")) {
        for part in ["documents", "mail"] {
            collect(&shared_templates.join(part), &format!("templates/{part}/"), &mut files)?;
        }
    }
    Ok(files)
}

/// The folders below `workflows` that hold a bundle, in order of their names.
pub fn bundle_folders(workflows: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut folders: Vec<_> = entries(workflows)?
        .into_iter()
        .filter(|path| path.join("bundle.yaml").is_file())
        .collect();
    folders.sort();
    Ok(folders)
}

/// The calendars below `workflows`, by file name.
pub fn calendar_files(workflows: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = BTreeMap::new();
    collect(&workflows.join("calendars"), "", &mut files)?;
    Ok(files)
}

/// Reads the YAML files and templates below a folder; one that does not exist holds none.
fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    for path in entries(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_dir() && !name.starts_with('.') && name != "samples" {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else if path.is_file() && belongs(name) {
            let text =
                std::fs::read_to_string(&path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
            files.insert(format!("{prefix}{name}"), text);
        }
    }
    Ok(())
}

fn belongs(name: &str) -> bool {
    (name.ends_with(".yaml") || name.ends_with(".hbs")) && !name.ends_with(".test.yaml") && !name.starts_with('.')
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_with_its_templates_and_without_its_scenarios() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in [
            "w/a/bundle.yaml",
            "w/a/m.yaml",
            "w/a/m.test.yaml",
            "w/a/samples/s.yaml",
            "w/a/forms/f.yaml",
            "w/calendars/c.yaml",
        ] {
            write(path);
        }
        write("t/documents/d.typ.hbs");
        write("t/platform/p.hbs");
        let workflows = place.path().join("w");
        assert_eq!(bundle_folders(&workflows).unwrap(), [workflows.join("a")]);
        let read = |folder: &str| -> Vec<String> {
            read_bundle(&workflows.join(folder), &place.path().join("t"))
                .unwrap()
                .into_keys()
                .collect()
        };
        assert_eq!(
            read("a"),
            ["bundle.yaml", "forms/f.yaml", "m.yaml", "templates/documents/d.typ.hbs"]
        );
        write("w/a/templates/mail/n/body.txt.hbs");
        assert_eq!(
            read("a"),
            ["bundle.yaml", "forms/f.yaml", "m.yaml", "templates/mail/n/body.txt.hbs"]
        );
        assert_eq!(calendar_files(&workflows).unwrap().len(), 1);
        assert!(read_bundle(&workflows.join("calendars"), Path::new("t")).is_err());
    }
}
