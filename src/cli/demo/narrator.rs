//! Tells what happens: for people in Chinese with a short English line, for programs as JSON lines. Must not decide anything.

use std::io::Write;
use std::sync::Mutex;

use serde_json::Value;

use crate::clock::Clock;
use crate::performers::format::money;

/// Who reads the demo's standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    People,
    Programs,
}

/// Writes the story line by line.
pub struct Narrator {
    reader: Reader,
    clock: Clock,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Narrator {
    pub fn new(reader: Reader, clock: Clock) -> Self {
        Self {
            reader,
            clock,
            out: Mutex::new(Box::new(std::io::stdout())),
        }
    }

    /// A step of the story, with the virtual time it happens at.
    pub fn say(&self, chinese: &str, english: &str) {
        if self.reader == Reader::People {
            self.line(&format!(
                "{}  {chinese}\n                     {english}",
                self.clock.now().in_china()
            ));
        }
    }

    /// A heading.
    pub fn chapter(&self, chinese: &str, english: &str) {
        if self.reader == Reader::People {
            self.line(&format!("\n——— {chinese} · {english} ———"));
        }
    }

    /// Something only people want to know.
    pub fn plain(&self, text: &str) {
        if self.reader == Reader::People {
            self.line(text);
        }
    }

    /// Something only programs want to know.
    pub fn json(&self, value: &Value) {
        if self.reader == Reader::Programs {
            self.line(&value.to_string());
        }
    }

    /// A reader that has gone away is no fault of the trade.
    fn line(&self, text: &str) {
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// An amount in fen as people write it: `96,800.00 元`.
pub fn yuan(fen: i64) -> String {
    format!("{} 元", money(fen))
}
