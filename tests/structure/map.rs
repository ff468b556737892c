//! The drawing of the rooms in `ARCHITECTURE.md` is what `rooms` rules, and its table names what there is. Must not judge prose.

use std::collections::{BTreeMap, BTreeSet};

use super::rooms::MAY_KNOW;
use super::sources::root;

const ARROW: &str = "─>";

/// What the drawing says each room may know, in its order.
fn drawn(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let drawing = text.split("```").nth(1).unwrap();
    let lines = drawing.lines().filter_map(|line| line.split_once(ARROW));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    lines
        .map(|(room, known)| (room.trim().to_owned(), words(known)))
        .collect()
}

/// The rooms that are folders of `src`: what is drawn. Those with a file of their name beside them are small and stand in the table alone.
fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("src")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir() && !entry.path().with_extension("rs").exists());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

#[test]
fn the_drawing_is_what_is_ruled() {
    let folders = folders();
    let mut ruled: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (room, known) in MAY_KNOW.iter().filter(|(room, _)| folders.contains(*room)) {
        let known = known.iter().map(|known| (*known).to_owned());
        ruled.insert(
            (*room).to_owned(),
            known.filter(|known| folders.contains(known)).collect(),
        );
    }
    // It puts all together, and may know any.
    ruled.insert("cli".into(), BTreeSet::from(["everything".into()]));
    assert_eq!(drawn(&architecture()).into_iter().collect::<BTreeMap<_, _>>(), ruled);
}

#[test]
fn rooms_know_only_what_is_drawn_below_them() {
    let drawing = drawn(&architecture());
    for (place, (room, known)) in drawing.iter().enumerate() {
        let above: BTreeSet<_> = drawing[..=place].iter().map(|(room, _)| room.clone()).collect();
        assert!(known.is_disjoint(&above), "{room} knows what stands above it");
    }
}

#[test]
fn the_table_names_what_there_is() {
    let text = architecture();
    let rooms = folders().into_iter().map(|room| format!("src/{room}"));
    let others = [
        "portal",
        "workflows",
        "templates",
        "migrations",
        "deploy",
        "docs",
        "tests",
        "benches",
        "fuzz",
    ];
    for folder in rooms.chain(others.map(str::to_owned)) {
        assert!(root().join(&folder).is_dir(), "{folder} is gone");
        assert!(
            text.contains(&format!("\n| `{folder}/` |")),
            "the table leaves out {folder}/"
        );
    }
    let folders = folders();
    for (room, _) in MAY_KNOW.iter().filter(|(room, _)| !folders.contains(*room)) {
        let named = [format!("`{room}`"), format!("`src/{room}`")];
        assert!(
            named.iter().any(|name| text.contains(name)),
            "the table leaves out {room}"
        );
    }
}

#[test]
fn the_modules_of_tests_are_named() {
    let text = architecture();
    let list = text
        .split("The modules of `tests/`:")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    for entry in std::fs::read_dir(root().join("tests")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let named = !entry.path().is_dir() || list.contains(&format!("`{name}`"));
        assert!(named, "ARCHITECTURE.md does not say what tests/{name} is");
    }
}
