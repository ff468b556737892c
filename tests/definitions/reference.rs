//! The reference names every code the checks can give, and its examples say what the program says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use luochui::machine::definition::source::bundle::BundleSource;
use luochui::machine::definition::source::machine::MachineSource;

use crate::workflows::asset_sale_with;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The literals that stand where a code is given.
fn codes() -> BTreeSet<String> {
    const GIVEN: [&str; 12] = [
        "error(",
        "error_with(",
        "error_maybe(",
        "warning(",
        "fault(",
        "fault_at(",
        "fault_with(",
        "Err((",
        "=> (",
        "report(",
        "return (",
        "((",
    ];
    let mut texts = Vec::new();
    for folder in [
        "src/machine/definition",
        "src/machine/expression",
        "src/machine/templates",
    ] {
        sources(&root().join(folder), &mut texts);
    }
    let mut codes = BTreeSet::new();
    for text in &texts {
        for call in GIVEN {
            for rest in text.split(call).skip(1) {
                let literal = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next());
                let word = literal.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
                codes.extend(word.filter(|word| word.contains('_')).map(str::to_owned));
            }
        }
    }
    codes
}

#[test]
fn every_code_stands_in_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/language.md")).unwrap();
    // Words that stand in the same places and are no codes: keys and names of the language.
    let words = ["one_per", "child_of", "title_of", "yes_no", "plus_one"];
    let codes = codes();
    assert!(codes.len() > 80, "only {} codes were found", codes.len());
    let missing: Vec<&String> = codes
        .iter()
        .filter(|code| !words.contains(&code.as_str()) && !reference.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "docs/language.md does not name {missing:?}");
}

#[test]
fn the_first_edit_says_what_the_reference_shows() {
    let reference = std::fs::read_to_string(root().join("docs/language.md")).unwrap();
    let mut edited = String::new();
    let (_, faults) = asset_sale_with(|files| {
        let text = files.get_mut("listing.yaml").unwrap();
        let line = text.lines().find(|line| line.starts_with("  timed:")).unwrap();
        *text = text.replace(line, &line.replace("default: 4 minutes", "default: 5:00"));
        edited.clone_from(text);
    });
    let shown: Vec<_> = faults.iter().map(|fault| fault.render(Some(&edited))).collect();
    assert_eq!(shown.len(), 1, "{shown:#?}");
    assert!(
        reference.contains(&format!("```text\n{}\n```", shown[0])),
        "{}",
        shown[0]
    );
}

#[test]
fn every_key_stands_in_the_reference() {
    let reference = std::fs::read_to_string(root().join("docs/language.md")).unwrap();
    let mut missing = Vec::new();
    for schema in [
        schemars::schema_for!(BundleSource),
        schemars::schema_for!(MachineSource),
    ] {
        gather(schema.as_value(), &mut |key| {
            let named = [
                format!("`{key}`"),
                format!("`{key}:"),
                format!("{key}:"),
                format!("{key},"),
                format!("{key}}}"),
                format!("{key}]"),
            ];
            if !named.iter().any(|form| reference.contains(form)) {
                missing.push(key.to_owned());
            }
        });
    }
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "docs/language.md does not name these keys"
    );
}

fn gather(schema: &serde_json::Value, visit: &mut dyn FnMut(&str)) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                properties.keys().for_each(|key| visit(key));
            }
            map.values().for_each(|value| gather(value, visit));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, visit)),
        _ => {}
    }
}
