//! Tests: definitions.

mod corpus;
mod expressions;
mod mutations;
mod reference;
mod rendering;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder beside this file.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/definitions")
        .join(name)
}

/// The small bundle that every test begins with.
pub fn good() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = ["bundle.yaml", "course.yaml", "part.yaml"]
        .map(|name| {
            (
                name.to_owned(),
                std::fs::read_to_string(folder("good").join(name)).unwrap(),
            )
        })
        .into();
    for template in [
        "templates/documents/receipt.typ.hbs",
        "templates/mail/told/subject.txt.hbs",
        "templates/mail/told/body.txt.hbs",
    ] {
        files.insert(template.to_owned(), "{{title_of self}}".to_owned());
    }
    files
}
