//! The calendar file of a to-do's due date (RFC 5545). Must not read a clock: the stamp is the record's time.

use chrono::DateTime;

/// A due date to be put into somebody's calendar.
pub struct Invite<'a> {
    /// Stable: a later file with the same id replaces the entry.
    pub id: &'a str,
    /// Milliseconds since 1970 UTC.
    pub stamp: i64,
    pub due: i64,
    pub summary: &'a str,
    pub description: &'a str,
    pub url: &'a str,
}

/// The longest line in bytes, without its end (RFC 5545 §3.1).
const LINE: usize = 75;

impl Invite<'_> {
    /// The file's text, with an alarm a day before. `None` for times no calendar can hold.
    pub fn text(&self) -> Option<String> {
        let due = utc(self.due)?;
        let lines = [
            "BEGIN:VCALENDAR".into(),
            "VERSION:2.0".into(),
            "PRODID:-//Luochui//Luochui//ZH".into(),
            "CALSCALE:GREGORIAN".into(),
            "METHOD:PUBLISH".into(),
            "BEGIN:VEVENT".into(),
            format!("UID:{}@luochui", escaped(self.id)),
            format!("DTSTAMP:{}", utc(self.stamp)?),
            format!("DTSTART:{due}"),
            format!("DTEND:{due}"),
            format!("SUMMARY:{}", escaped(self.summary)),
            format!("DESCRIPTION:{}", escaped(self.description)),
            format!("URL:{}", self.url.replace(['\r', '\n'], "")),
            "TRANSP:TRANSPARENT".into(),
            "BEGIN:VALARM".into(),
            "ACTION:DISPLAY".into(),
            "TRIGGER:-P1D".into(),
            format!("DESCRIPTION:{}", escaped(self.summary)),
            "END:VALARM".into(),
            "END:VEVENT".into(),
            "END:VCALENDAR".into(),
        ];
        Some(lines.iter().map(|line: &String| folded(line)).collect())
    }
}

/// Something that takes a while.
pub struct Event {
    /// Stable: a later file with the same id replaces the entry.
    pub id: String,
    /// Milliseconds since 1970 UTC.
    pub from: i64,
    pub until: i64,
    pub summary: String,
    pub description: String,
    pub url: String,
}

/// A calendar of events, for programs that ask for it again and again. `None` for times no calendar can hold.
#[must_use]
pub fn feed(name: &str, stamp: i64, events: &[Event]) -> Option<String> {
    let mut lines: Vec<String> = vec![
        "BEGIN:VCALENDAR".into(),
        "VERSION:2.0".into(),
        "PRODID:-//Luochui//Luochui//ZH".into(),
        "CALSCALE:GREGORIAN".into(),
        "METHOD:PUBLISH".into(),
        format!("X-WR-CALNAME:{}", escaped(name)),
    ];
    for event in events {
        lines.extend([
            "BEGIN:VEVENT".into(),
            format!("UID:{}@luochui", escaped(&event.id)),
            format!("DTSTAMP:{}", utc(stamp)?),
            format!("DTSTART:{}", utc(event.from)?),
            format!("DTEND:{}", utc(event.until)?),
            format!("SUMMARY:{}", escaped(&event.summary)),
            format!("DESCRIPTION:{}", escaped(&event.description)),
            format!("URL:{}", event.url.replace(['\r', '\n'], "")),
            "END:VEVENT".into(),
        ]);
    }
    lines.push("END:VCALENDAR".into());
    Some(lines.iter().map(|line| folded(line)).collect())
}

fn utc(millis: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(millis)?;
    Some(time.format("%Y%m%dT%H%M%SZ").to_string())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Breaks a line after at most 75 bytes, never within a character; each further line begins with a space.
fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut used = 0;
    for character in line.chars() {
        if used + character.len_utf8() > LINE {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(character);
        used += character.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_by_bytes_and_text_is_escaped() {
        let invite = Invite {
            id: "T1",
            stamp: 0,
            due: 1_789_522_440_000,
            summary: "成交确认书签章（受让方）；花垣县某事业单位公务车辆一批, 3 辆; \\ 完\r\nX-EVIL:1",
            description: "说明",
            url: "https://example.org/todos/T1",
        };
        let text = invite.text().unwrap();
        assert!(text.contains("DTSTART:20260916T013400Z\r\n"));
        assert!(text.lines().all(|line| line.len() <= 75), "{text}");
        assert!(
            text.replace("\r\n ", "")
                .contains("一批\\, 3 辆\\; \\\\ 完\\nX-EVIL:1\r\n")
        );
        assert!(!text.contains("\nX-EVIL"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }
}
