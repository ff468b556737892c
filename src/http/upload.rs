//! What an uploaded file is by its content, and what it may be called. Must not trust a client's word for either.

use super::problem::{Code, Problem};

/// What may be uploaded: what people attach to applications and decisions, and nothing a browser would run.
const KINDS: [&str; 12] = [
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/bmp",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "text/plain",
];
/// ext4 and NTFS take 255 bytes; some room is left for a number that a browser adds.
const MAX_NAME_BYTES: usize = 200;

/// The media type of a content, or the refusal.
///
/// # Errors
/// `unsupported_media_type` for what is not in the list, or is two things at once.
pub fn media_type(content: &[u8]) -> Result<&'static str, Problem> {
    let refused = |why: &str| Problem::new(Code::UnsupportedMedia).detail(why);
    if content.is_empty() {
        return Err(refused("the file is empty"));
    }
    let found = infer::get(content).map(|kind| kind.mime_type());
    let kind = match found {
        Some(kind) => KINDS.into_iter().find(|known| *known == kind),
        None if is_text(content) => Some("text/plain"),
        None => None,
    };
    let kind = kind.ok_or_else(|| refused("only PDF, pictures, office documents and plain text are accepted"))?;
    if kind.starts_with("image/") && holds_markup(content) {
        return Err(refused("the picture holds a script"));
    }
    Ok(kind)
}

/// UTF-8 without control characters, and not a page or a script that a browser could take for one.
fn is_text(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    let plain = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    plain && !text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

fn holds_markup(content: &[u8]) -> bool {
    content.windows(7).any(|window| window.eq_ignore_ascii_case(b"<script"))
}

/// A name that is one file's, on any system, and looks like what it is: no folders, no control or direction marks, no
/// dots or spaces at its ends, not longer than a file system takes.
#[must_use]
pub fn safe_name(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let kept: String = last
        .chars()
        .filter(|c| !hidden(*c) && !"<>:\"|?*".contains(*c))
        .collect();
    let kept = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let shortened = shorten(kept);
    if shortened.is_empty() {
        "file".to_owned()
    } else {
        shortened
    }
}

/// Cuts the stem, not the extension.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    let (stem, extension) = name
        .rsplit_once('.')
        .filter(|(_, end)| end.len() <= 10)
        .unwrap_or((name, ""));
    let room = MAX_NAME_BYTES.saturating_sub(extension.len() + 1);
    let mut cut = String::new();
    for c in stem.chars().take_while({
        let mut used = 0;
        move |c| {
            used += c.len_utf8();
            used <= room
        }
    }) {
        cut.push(c);
    }
    if extension.is_empty() {
        cut
    } else {
        format!("{cut}.{extension}")
    }
}

/// `Content-Disposition` after RFC 6266: a plain name for old clients, the true one encoded after RFC 8187.
#[must_use]
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        let cases = [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("决议\u{202e}fdp.exe", "决议fdp.exe"),
            ("a\r\nX: y\0.pdf", "aX y.pdf"),
            (" .hidden. ", "hidden"),
            ("/", "file"),
            ("...", "file"),
            ("会议决定.pdf", "会议决定.pdf"),
        ];
        for (sent, safe) in cases {
            assert_eq!(safe_name(sent), safe, "{sent:?}");
        }
        let long = safe_name(&format!("{}.pdf", "长".repeat(300)));
        assert!(long.len() <= MAX_NAME_BYTES && long.ends_with(".pdf"));
    }

    #[test]
    fn dispositions_stay_one_header() {
        assert_eq!(
            disposition("会 a\".pdf"),
            "attachment; filename=\"__a_.pdf\"; filename*=UTF-8''%E4%BC%9A%20a%22.pdf"
        );
        assert!(!disposition("a\r\nb").contains(['\r', '\n']));
    }

    #[test]
    fn kinds_are_told_by_content() {
        assert_eq!(media_type(b"%PDF-1.7\n").unwrap(), "application/pdf");
        assert_eq!(media_type(&[0xff, 0xd8, 0xff, 0xe0, 0, 0]).unwrap(), "image/jpeg");
        assert_eq!(media_type("说明".as_bytes()).unwrap(), "text/plain");
        let polyglot = [b"GIF89a".as_slice(), b"/*<script>alert(1)</script>*/"].concat();
        let picture = [[0xff, 0xd8, 0xff, 0xe0].as_slice(), b"<SCRIPT>x"].concat();
        let refused: [&[u8]; 8] = [
            b"",
            b"<html></html>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"MZ\x90\x00",
            b"PK\x03\x04xxxx",
            b"\x7fELF",
            &polyglot,
            &picture,
        ];
        for content in refused {
            assert_eq!(media_type(content).unwrap_err().status, 415, "{content:?}");
        }
    }
}
