//! Faults in definitions, and how they are shown to the person who edits them. Must not know what the faults mean.

use std::fmt::Write as _;

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

/// How grave a fault is. A bundle with an error is not compiled; warnings only inform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct At {
    pub line: u32,
    pub column: u32,
    /// How many characters the marked text has on its line; at least 1 is underlined.
    pub length: u32,
    /// Characters between the start of the scalar and its text: 1 in quotes.
    pub inset: u32,
}

impl At {
    /// The place of the `offset`th character within the text of a scalar that stands on one line.
    #[must_use]
    pub fn inside(self, offset: usize) -> Self {
        let offset = u32::try_from(offset).unwrap_or(0) + self.inset;
        if self.length == 0 || offset >= self.length {
            return self;
        }
        Self {
            column: self.column + offset,
            length: 1,
            ..self
        }
    }
}

/// One fault of a definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub severity: Severity,
    /// Stable; `docs/language.md` lists them all.
    pub code: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Characters to underline.
    #[serde(skip)]
    pub length: u32,
}

impl Diagnostic {
    /// An error at a place of a file.
    pub fn error(code: &'static str, file: &str, at: At, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: at.line.max(1),
            column: at.column.max(1),
            severity: Severity::Error,
            code,
            message: message.into(),
            hint: None,
            length: at.length,
        }
    }

    /// The same as a warning, which does not stop the bundle.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// True for what stops the bundle.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The fault with the line it stands on and a caret under the place.
    pub fn render(&self, text: Option<&str>) -> String {
        let mut out = self.to_string();
        if let Some(line) = text.and_then(|text| line_of(text, self.line)) {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            let (before, marked) = split_line(line, self.column, self.length);
            let caret = "^".repeat(marked.width().max(1));
            let _ = write!(
                out,
                "\n{gutter} |\n{number} | {}\n{gutter} | {}{caret}",
                line.trim_end().replace('\t', " "),
                " ".repeat(before.width())
            );
        }
        if let Some(hint) = &self.hint {
            let _ = write!(out, "\n  = hint: {hint}");
        }
        out
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self {
            file,
            line,
            column,
            code,
            message,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {word}[{code}]: {message}")
    }
}

fn line_of(text: &str, line: u32) -> Option<&str> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    text.lines().nth(index)
}

/// What stands before the column, and what is to be underlined.
fn split_line(line: &str, column: u32, length: u32) -> (String, String) {
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(1);
    let before = line.chars().take(column).collect();
    let marked: String = line.trim_end().chars().skip(column).take(length).collect();
    (before, marked)
}

/// The known word nearest to a misspelt one, for hints.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean …" where a known word is near, else the list of known words, else nothing.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let shown: Vec<String> = known.iter().take(30).map(|word| format!("`{word}`")).collect();
    (!shown.is_empty()).then(|| format!("known here: {}", shown.join(", ")))
}

/// How many letters were mistyped, left out, put in, or swapped with their neighbour; the words are short.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    let at =
        |table: &Vec<Vec<usize>>, i: usize, j: usize| table.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let value = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let same = a.get(i - 1) == b.get(j - 1);
                    let changed = at(&table, i - 1, j - 1) + usize::from(!same);
                    let moved = at(&table, i - 1, j).min(at(&table, i, j - 1)) + 1;
                    let swapped = i > 1 && j > 1 && a.get(i - 1) == b.get(j - 2) && a.get(i - 2) == b.get(j - 1);
                    let swap = if swapped {
                        at(&table, i - 2, j - 2) + 1
                    } else {
                        usize::MAX
                    };
                    changed.min(moved).min(swap)
                }
            };
            if let Some(cell) = table.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = value;
            }
        }
    }
    at(&table, a.len(), b.len())
}

/// Collects the faults of one file.
pub struct Sink<'a> {
    pub file: &'a str,
    pub found: &'a mut Vec<Diagnostic>,
}

impl Sink<'_> {
    /// Adds an error.
    pub fn error(&mut self, code: &'static str, at: At, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, self.file, at, message));
    }

    /// Adds an error and what would be right.
    pub fn error_with(&mut self, code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.found
            .push(Diagnostic::error(code, self.file, at, message).hint(hint));
    }

    /// Adds an error, with a hint where there is one.
    pub fn error_maybe(&mut self, code: &'static str, at: At, message: impl Into<String>, hint: Option<String>) {
        let mut fault = Diagnostic::error(code, self.file, at, message);
        fault.hint = hint;
        self.found.push(fault);
    }

    /// Adds a warning and what would be right.
    pub fn warning(&mut self, code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.found
            .push(Diagnostic::error(code, self.file, at, message).hint(hint).warning());
    }
}
