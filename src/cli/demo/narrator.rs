//! Tells what happens: for people in Chinese with a short English line, for programs as JSON lines. Must not decide anything.

use std::io::Write;
use std::sync::Mutex;

use serde_json::Value;

use crate::clock::Clock;
use crate::machine::Time;

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
                beijing(self.clock.now())
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

/// The time in China, which has had no daylight saving since 1991: `2026-09-01 09:00:00`.
pub fn beijing(time: Time) -> String {
    let shifted = time.plus_millis(8 * 3_600_000);
    chrono::DateTime::from_timestamp_millis(shifted.0)
        .map(|moment| moment.format("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// An amount in fen as people write it: `96,800.00 元`.
pub fn yuan(fen: i64) -> String {
    let digits = (fen / 100).to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{:02} 元", fen % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_read_as_in_a_notice() {
        assert_eq!(yuan(9_680_000), "96,800.00 元");
        assert_eq!(yuan(100_000_005), "1,000,000.05 元");
        assert_eq!(beijing(Time(1_788_224_400_000)), "2026-09-01 09:00:00");
    }
}
