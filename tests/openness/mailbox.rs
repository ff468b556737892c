//! Reads the mails that a server without SMTP leaves in its folder.

use std::path::Path;

use base64::Engine as _;

/// One mail, decoded as far as the test looks at it.
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The path of the link that does the act, after its title or its name in the text.
    pub fn link_to(&self, _act: &str) -> Option<String> {
        let (_, rest) = self.text.rsplit_once("/t/")?;
        let token: String = rest
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter))
            .collect();
        Some(format!("/t/{token}"))
    }
}

/// All mails below the server's data folder.
pub fn mails(folder: &Path) -> Vec<Mail> {
    let Ok(entries) = std::fs::read_dir(folder.join("data/mail")) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths
        .iter()
        .map(|path| read(&std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn read(eml: &str) -> Mail {
    let (head, _) = eml.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ");
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let to = header("To:");
    Mail {
        to: to
            .rsplit_once('<')
            .map_or(to.clone(), |(_, address)| address.trim_end_matches('>').to_owned()),
        subject: words(&header("Subject:")),
        text: plain_part(eml),
    }
}

/// RFC 2047 words of a header, put together.
fn words(header: &str) -> String {
    let mut out = String::new();
    for word in header.split(' ') {
        match word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?=")) {
            Some(coded) => {
                out.push_str(&String::from_utf8(base64::prelude::BASE64_STANDARD.decode(coded).unwrap()).unwrap())
            }
            None => out.push_str(word),
        }
    }
    out
}

/// The first text/plain part.
fn plain_part(eml: &str) -> String {
    let (_, from) = eml.split_once("text/plain").unwrap();
    let (head, body) = from.split_once("\r\n\r\n").unwrap();
    let body = body.split("\r\n--").next().unwrap();
    if head.contains("base64") {
        let coded: String = body.split_whitespace().collect();
        String::from_utf8(base64::prelude::BASE64_STANDARD.decode(coded).unwrap()).unwrap()
    } else if head.contains("quoted-printable") {
        unquoted(body)
    } else {
        body.to_owned()
    }
}

fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'=' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}
