//! A corpus of bundles that must be refused. The first line of each file says which file of the good bundle it takes the place of, and
//! every error it must give: `# course.yaml: unknown_target 8:11; unknown_name 9:20`.

use std::collections::BTreeSet;

use luochui::machine::definition::check;

use super::{folder, good};

fn errors(replaced: &str, text: &str) -> Vec<String> {
    let mut files = good();
    files.insert(replaced.to_owned(), text.to_owned());
    let checked = check(&files);
    let errors = checked.diagnostics.iter().filter(|fault| fault.is_error());
    let places = errors.map(|fault| {
        let place = format!("{} {}:{}", fault.code, fault.line, fault.column);
        if fault.file == replaced {
            place
        } else {
            format!("{} in {}", place, fault.file)
        }
    });
    let places = places.collect::<Vec<_>>();
    assert_eq!(checked.bundle.is_some(), places.is_empty());
    places
}

#[test]
fn the_good_bundle_compiles_without_a_word() {
    let checked = check(&good());
    assert_eq!(checked.diagnostics, []);
    assert!(checked.bundle.is_some());
}

#[test]
fn every_bad_bundle_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let head = text.lines().next().unwrap().trim_start_matches("# ");
        let (file, expected) = head.split_once(": ").unwrap();
        let found = errors(file, &text);
        codes.extend(
            found
                .iter()
                .filter_map(|place| place.split(' ').next().map(str::to_owned)),
        );
        count += 1;
        if found.is_empty() || found.join("; ") != expected {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            wrong.push(format!("{name}: {}", found.join("; ")));
        }
    }
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} files give other errors:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= 140, "the corpus has shrunk to {count} files");
    assert!(codes.len() >= 80, "the corpus has shrunk to {} codes", codes.len());
}
