//! Which room of `src` may know which, and which alone knows an outside library. Must not look into functions.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, below};

/// Each room and the rooms it may name. `cli` puts all together and may name any.
pub const MAY_KNOW: &[(&str, &[&str])] = &[
    ("machine", &[]),
    ("clock", &["machine"]),
    ("ledger", &[]),
    ("identity", &[]),
    ("ids", &["machine"]),
    ("trust", &["engine", "store", "seal", "config"]),
    // Pure: bytes and times in, bytes and reports out.
    ("seal", &["machine", "identity"]),
    ("shared_secret", &[]),
    ("secret_file", &[]),
    (
        "signing",
        &["record", "seal", "machine", "clock", "config", "shared_secret"],
    ),
    (
        "sealing",
        &["seal", "machine", "clock", "config", "ids", "shared_secret"],
    ),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("store", &["machine"]),
    ("record", &["machine", "seal"]),
    ("engine", &["store", "machine", "ledger", "record", "ids", "clock"]),
    (
        "performers",
        &[
            "engine",
            "store",
            "machine",
            "record",
            "identity",
            "ids",
            "clock",
            "config",
            "seal",
            "sealing",
            "shared_secret",
        ],
    ),
    (
        "workers",
        &["engine", "store", "performers", "machine", "record", "ids", "config"],
    ),
    (
        "http",
        &[
            "engine",
            // Its file store, which uploads share with rendered documents, how values are written for people and calendars, and QR codes.
            "performers",
            "store",
            "machine",
            "record",
            "ledger",
            "identity",
            "ids",
            "clock",
            "config",
            "telemetry",
            "seal",
            "sealing",
            "secret_file",
            "shared_secret",
            "trust",
        ],
    ),
];

/// A library and the rooms (or single modules) that may name it; nobody else does.
const KNOWN_BY: &[(&str, &[&str])] = &[
    // The second serves what a developer has no institution for: time stamps, and signatures with the platform's key.
    ("actix_web", &["http", "cli::desk"]),
    ("actix_multipart", &["http"]),
    ("socket2", &["http"]),
    ("utoipa", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("jsonwebtoken", &["http"]),
    ("sm2", &["seal"]),
    ("sm3", &["seal"]),
    ("der", &["seal"]),
    ("lopdf", &["seal::pdf"]),
    ("roxmltree", &["seal::ofd"]),
    ("zip", &["seal::ofd", "sealing::evidence"]),
    // Besides the store: the read pool's builder and the writer's transaction.
    ("diesel", &["store", "engine::start", "engine::writer"]),
    ("diesel_migrations", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("cel", &["machine"]),
    ("typst", &["performers"]),
    ("typst_pdf", &["performers"]),
    ("typst_layout", &["performers"]),
    ("comemo", &["performers"]),
    ("lettre", &["performers"]),
    ("tokio_cron_scheduler", &["workers"]),
    ("ureq", &["trust", "performers", "sealing", "signing", "cli::demo"]),
    ("hmac", &["shared_secret"]),
    // Besides the ids and secrets: keys that the command line draws.
    ("getrandom", &["ids", "cli"]),
    ("clap", &["cli"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
];

/// What the pure room may name besides the standard library.
const PURE: &[&str] = &[
    "serde",
    "serde_json",
    "serde_yaml",
    "saphyr_parser",
    "schemars",
    "cel",
    "chrono",
    "sha2",
    "hex",
    "thiserror",
    "unicode_width",
    "handlebars",
];

#[test]
fn rooms_know_only_what_they_may() {
    let rules: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    let rooms: BTreeSet<_> = below("src").iter().map(|source| source.room().to_owned()).collect();
    let unruled: Vec<_> = rooms
        .iter()
        .filter(|room| !matches!(room.as_str(), "cli" | "root") && !rules.contains_key(room.as_str()))
        .collect();
    assert!(unruled.is_empty(), "rooms without a rule: {unruled:?}");

    let mut broken = Vec::new();
    for source in below("src") {
        let Some(allowed) = rules.get(source.room()) else {
            continue;
        };
        for known in named_rooms(&source) {
            if known != source.room() && rooms.contains(&known) && !allowed.contains(&known.as_str()) {
                broken.push(format!("{} names crate::{known}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_rooms_may_know_they_name() {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in below("src") {
        named
            .entry(source.room().into())
            .or_default()
            .extend(named_rooms(&source));
    }
    let mut idle = Vec::new();
    for (room, allowed) in MAY_KNOW {
        let unnamed = allowed.iter().filter(|known| !named[*room].contains(**known));
        idle.extend(unnamed.map(|known| format!("{room} may name {known} and does not")));
    }
    assert!(idle.is_empty(), "\n{}", idle.join("\n"));
}

#[test]
fn a_library_is_known_in_one_place() {
    let mut broken = Vec::new();
    for source in below("src") {
        for (library, rooms) in KNOWN_BY {
            let at_home = rooms.iter().any(|room| lies_in(&source, room));
            if !at_home && names_library(&source.code, library) {
                broken.push(format!("{} names {library}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn each_library_is_ruled_once_and_named_where_it_may_be() {
    let sources = below("src");
    let mut ruled = BTreeSet::new();
    let mut idle = Vec::new();
    for (library, rooms) in KNOWN_BY {
        assert!(ruled.insert(library), "{library} has two rules");
        let named = |room: &&&str| {
            let mut at_home = sources.iter().filter(|source| lies_in(source, room));
            at_home.any(|source| names_library(&source.code, library))
        };
        let unnamed = rooms.iter().filter(|room| !named(room));
        idle.extend(unnamed.map(|room| format!("{room} may name {library} and does not")));
    }
    assert!(idle.is_empty(), "\n{}", idle.join("\n"));
}

#[test]
fn the_machine_is_pure() {
    let mut broken = Vec::new();
    for source in below("src").iter().filter(|source| source.room() == "machine") {
        for root in used_roots(&source.code) {
            let ours = matches!(root.as_str(), "crate" | "self" | "super" | "std" | "core");
            let local = root.chars().next().is_some_and(char::is_uppercase) || is_own_module(source, &root);
            if !ours && !local && !PURE.contains(&root.as_str()) {
                broken.push(format!("{} uses {root}", source.path));
            }
        }
        for forbidden in [
            "std::fs",
            "std::net",
            "std::time",
            "std::env",
            "std::thread",
            "std::process",
            "tokio",
            "getrandom",
        ] {
            if source.code.contains(forbidden) {
                broken.push(format!("{} names {forbidden}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The rooms named by `crate::room`, `crate::{room, …}` and by enough `super::` to leave the own room.
fn named_rooms(source: &Source) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in source.code.match_indices("crate::") {
        let before = source.code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            named.extend(heads(&source.code[at + "crate::".len()..]));
        }
    }
    let up = "super::".repeat(source.module().len());
    if !up.is_empty() {
        for (at, _) in source.code.match_indices(&up) {
            named.extend(heads(&source.code[at + up.len()..]));
        }
    }
    named
}

/// The first segments of the path or of the group of paths that begins here.
fn heads(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else {
        return vec![word(text)];
    };
    let mut depth = 0;
    let mut heads = vec![word(group.trim_start())];
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// The first segment of every `use`.
fn used_roots(code: &str) -> Vec<String> {
    code.lines()
        .map(str::trim_start)
        .map(|line| line.strip_prefix("pub ").unwrap_or(line))
        .filter_map(|line| line.strip_prefix("use "))
        .map(|path| word(path.trim_start_matches("::")))
        .filter(|root| !root.is_empty())
        .collect()
}

fn is_own_module(source: &Source, name: &str) -> bool {
    [format!("mod {name};"), format!("mod {name} {{")]
        .iter()
        .any(|line| source.code.contains(line))
}

/// True for a file of the room or module, such as `engine::writer`.
fn lies_in(source: &Source, place: &str) -> bool {
    let module = source.module().join("::");
    module == place || module.starts_with(&format!("{place}::"))
}

fn names_library(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        // `::name` is the library too, where a module has its name; `other::name` is not.
        let outward = code[..at]
            .strip_suffix("::")
            .filter(|path| path.ends_with([' ', '(', '<', '&']));
        let before = outward.unwrap_or(&code[..at]).chars().next_back();
        let after = &code[at + library.len()..];
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.' | '"'));
        starts && (after.starts_with("::") || (after.starts_with([';', ' ']) && code[..at].ends_with("use ")))
    })
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn the_scanner_sees_groups_and_ways_up() {
    let source = Source {
        path: "src/engine/writer.rs".into(),
        text: String::new(),
        code: "use crate::{http::{a, b}, store}; crate::cli::x(); super::super::workers::y(); super::own();".into(),
    };
    let named: Vec<_> = named_rooms(&source).into_iter().collect();
    assert_eq!(named, ["cli", "http", "store", "workers"]);
    assert!(names_library("use diesel::prelude::*;", "diesel"));
    assert!(!names_library("use diesel_migrations::x; crate::diesel::y", "diesel"));
    assert!(names_library("use ::sm2::dsa;", "sm2"));
}
