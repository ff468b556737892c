//! Keyset pages: a cursor names the last row seen, never a position, and tells nothing about how much there is.
//! Must not know tables.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::problem::{Code, Problem};

/// Pages are small enough to decide visibility row by row.
pub const MAX_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 20;
/// A cursor holds an id and a sort key; anything longer was not made here.
const MAX_CURSOR: usize = 400;

/// Where a page begins and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub after: Option<Cursor>,
    pub limit: usize,
}

/// The sort key and id of the last row of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub key: i64,
    pub id: String,
}

impl Cursor {
    /// The opaque form that clients hand back.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("1:{}:{}", self.key, self.id))
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// `invalid_cursor` for anything else.
    pub fn decode(text: &str) -> Result<Self, Problem> {
        let wrong = || Problem::new(Code::InvalidCursor);
        if text.len() > MAX_CURSOR {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (key, id) = text
            .strip_prefix("1:")
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(wrong)?;
        let key = key.parse().map_err(|_| wrong())?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong());
        }
        Ok(Self { key, id: id.to_owned() })
    }
}

impl Page {
    /// Reads `after` and `limit` as they stand in a query.
    ///
    /// # Errors
    /// A cursor that was not made here, or a limit outside 1 to 100.
    pub fn parse(after: Option<&str>, limit: Option<&str>) -> Result<Self, Problem> {
        let after = after.map(Cursor::decode).transpose()?;
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| Problem::field("limit", format!("must be 1 to {MAX_LIMIT}")))?,
        };
        Ok(Self { after, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor {
            key: -5,
            id: "01ABC:x".into(),
        };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
    }

    #[test]
    fn broken_cursors_are_refused() {
        let long = "A".repeat(401);
        let foreign = URL_SAFE_NO_PAD.encode("2:1:x");
        let control = URL_SAFE_NO_PAD.encode("1:1:x\n");
        for text in ["", "%%", "MTox", &long, &foreign, &control] {
            assert_eq!(Cursor::decode(text).unwrap_err().code, "invalid_cursor", "{text}");
        }
        for limit in ["0", "101", "-1", "x", "99999999999999999999"] {
            assert!(Page::parse(None, Some(limit)).is_err());
        }
    }
}
