//! Reads the sources for the tests beside it. Must not judge them.

use std::path::{Path, PathBuf};

/// One source file: where it lies, its text, and its code without comments and unit tests.
pub struct Source {
    /// Relative to the repository, with slashes: `src/engine/mod.rs`.
    pub path: String,
    pub text: String,
    pub code: String,
}

impl Source {
    /// The modules below `src` it lies in: `["engine", "writer"]`; a crate root has none.
    pub fn module(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        match inner {
            "lib" | "main" => Vec::new(),
            inner => inner.split('/').collect(),
        }
    }

    /// The top-level module it belongs to.
    pub fn room(&self) -> &str {
        self.module().first().copied().unwrap_or("root")
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the repository, in order of their paths.
pub fn below(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    let sources: Vec<_> = paths.iter().map(|path| read(path)).collect();
    assert!(!sources.is_empty(), "no sources below {folder}");
    sources
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let code = without_comments(&text);
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    Source { path, text, code }
}

/// Replaces comments by nothing; strings, raw strings and characters are left as they are.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            rest = &rest[length..];
            continue;
        } else if rest.starts_with("/*") {
            let length = rest.find("*/").map_or(rest.len(), |at| at + 2);
            rest = &rest[length..];
            continue;
        } else if first == '"' {
            quoted(rest)
        } else if let Some(length) = raw_string(rest).filter(|_| !code.ends_with(|c: char| c.is_alphanumeric())) {
            length
        } else if first == '\'' {
            character(rest)
        } else {
            first.len_utf8()
        };
        code.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    code
}

/// Length of a string literal that begins here.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a raw string literal, where one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// Length of a character literal; of the quote alone where it is a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => text[2..].find('\'').map_or(1, |at| if at == 0 { 4 } else { at + 3 }),
        Some((at, c)) if text[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 1,
    }
}

#[test]
fn comments_are_told_from_strings() {
    let code = without_comments("a // x\nlet b = \"// no\"; /* y */ 'c' '\\'' '\"' <'d> r#\"//\"# // z");
    assert_eq!(code, "a \nlet b = \"// no\";  'c' '\\'' '\"' <'d> r#\"//\"# ");
}
