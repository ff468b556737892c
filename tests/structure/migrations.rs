//! Both databases have the same migrations by name, and each can be undone. Must not run them: `tests/store` does.

use std::collections::BTreeSet;

use super::sources::root;

fn names(database: &str) -> BTreeSet<String> {
    let folder = root().join("migrations").join(database);
    std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_migration_exists_for_both_databases() {
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
    for database in ["sqlite", "postgres"] {
        for name in names(database) {
            for file in ["up.sql", "down.sql"] {
                let path = root().join("migrations").join(database).join(&name).join(file);
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(!text.trim().is_empty(), "{} is missing or empty", path.display());
            }
        }
    }
}
