//! PDF syntax read strictly and with places: what a signature covers, and what follows it, is judged on the bytes as they stand.
//! Must not repair anything: what another reader might take differently (comments, keys given twice, gaps) is refused.

use std::collections::BTreeSet;
use std::ops::Range;

use lopdf::{Dictionary, Object, ObjectId, Stream};

/// How deep arrays and dictionaries may nest; signatures and their fields need four.
const DEEPEST: u32 = 16;
/// The longest name and number that is read.
const LONGEST_TOKEN: usize = 128;
/// As many entries as one dictionary may have; names of destinations are the longest ones.
const MOST_ENTRIES: usize = 4_096;
/// As many values as are read from one place on, whatever they nest in: each takes some dozen bytes of memory.
const MOST_VALUES: u32 = 262_144;

/// Bytes that are not what strict syntax asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Fault {
    pub at: usize,
    pub what: &'static str,
}

/// One entry of a dictionary with the place of its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Vec<u8>,
    pub value: Object,
    /// The value's bytes from its first delimiter to its last.
    pub span: Range<usize>,
}

/// One numbered object with its place.
#[derive(Clone, Debug)]
pub struct Indirect {
    pub id: ObjectId,
    pub object: Object,
    /// From the first digit of its number to the end of `endobj`.
    pub span: Range<usize>,
}

/// A reader that stands somewhere in a file.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many more values may be read.
    values: u32,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            values: MOST_VALUES,
        }
    }

    /// Steps over so many bytes that were looked at.
    pub(super) fn skip(&mut self, count: usize) {
        self.at += count;
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Steps over white space; comments are not white space here.
    pub fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Steps over a word or fails.
    pub fn expect(&mut self, word: &[u8], what: &'static str) -> Result<(), Fault> {
        match self.rest().starts_with(word) {
            true => {
                self.at += word.len();
                Ok(())
            }
            false => Err(self.fault(what)),
        }
    }

    /// Steps over a word where it stands.
    pub fn take(&mut self, word: &[u8]) -> bool {
        self.expect(word, "").is_ok()
    }

    /// Steps over the end of a line or fails.
    pub fn line_end(&mut self) -> Result<(), Fault> {
        let _carriage_return = self.take(b"\r");
        self.expect(b"\n", "no end of line")
    }

    /// A number without sign.
    pub fn unsigned(&mut self) -> Result<u64, Fault> {
        let digits = self.run(|byte| byte.is_ascii_digit())?;
        std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.fault("not a number"))
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> Result<&'a [u8], Fault> {
        let rest = self.rest();
        let length = rest
            .iter()
            .take(LONGEST_TOKEN + 1)
            .take_while(|byte| belongs(**byte))
            .count();
        if length > LONGEST_TOKEN {
            return Err(self.fault("a token is too long"));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// `12 0 obj … endobj`, a stream with its length written in its dictionary.
    pub fn indirect(&mut self) -> Result<Indirect, Fault> {
        let start = self.at;
        let id = self.id()?;
        self.expect(b" obj", "no `obj`")?;
        self.space();
        let mut object = self.object(DEEPEST)?;
        self.space();
        if let (Object::Dictionary(dictionary), true) = (&object, self.rest().starts_with(b"stream")) {
            object = Object::Stream(self.stream(dictionary.clone())?);
            self.space();
        }
        self.expect(b"endobj", "no `endobj`")?;
        Ok(Indirect {
            id,
            object,
            span: start..self.at,
        })
    }

    /// The number of the object here and what it is; of a stream, its dictionary.
    pub fn head_of_object(&mut self) -> Result<(ObjectId, Object), Fault> {
        let id = self.id()?;
        self.space();
        self.expect(b"obj", "no `obj`")?;
        self.space();
        Ok((id, self.object(DEEPEST)?))
    }

    /// The entries of the dictionary that is the numbered object here.
    pub fn numbered_dictionary(&mut self) -> Result<(ObjectId, Vec<Entry>), Fault> {
        let id = self.id()?;
        self.expect(b" obj", "no `obj`")?;
        self.space();
        let entries = self.entries(DEEPEST)?;
        self.space();
        self.expect(b"endobj", "no `endobj`")?;
        Ok((id, entries))
    }

    fn id(&mut self) -> Result<ObjectId, Fault> {
        let number = self.unsigned()?;
        self.expect(b" ", "no generation")?;
        let generation = self.unsigned()?;
        match (u32::try_from(number), u16::try_from(generation)) {
            (Ok(number), Ok(generation)) => Ok((number, generation)),
            _ => Err(self.fault("an object number is too large")),
        }
    }

    fn stream(&mut self, dictionary: Dictionary) -> Result<Stream, Fault> {
        self.expect(b"stream", "no `stream`")?;
        self.line_end()?;
        let length = dictionary.get(b"Length").and_then(Object::as_i64).ok();
        let length = length.and_then(|length| usize::try_from(length).ok());
        let end = length.and_then(|length| self.at.checked_add(length));
        let content = end.and_then(|end| self.bytes.get(self.at..end));
        let content = content.ok_or_else(|| self.fault("a stream's length is wrong"))?;
        self.at += content.len();
        self.space();
        self.expect(b"endstream", "no `endstream`")?;
        Ok(Stream {
            dict: dictionary,
            content: content.to_vec(),
            allows_compression: true,
            start_position: None,
        })
    }

    /// Any direct object or reference.
    pub fn object(&mut self, depth: u32) -> Result<Object, Fault> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.fault("nested too deep"))?;
        self.values = self
            .values
            .checked_sub(1)
            .ok_or_else(|| self.fault("too many values"))?;
        match self.peek() {
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.literal(),
            Some(b'[') => self.array(depth),
            Some(b'<') if self.rest().starts_with(b"<<") => self.entries(depth).map(dictionary),
            Some(b'<') => self.hexadecimal(),
            Some(b'+' | b'-' | b'.' | b'0'..=b'9') => self.number(),
            _ if self.take(b"true") => Ok(Object::Boolean(true)),
            _ if self.take(b"false") => Ok(Object::Boolean(false)),
            _ if self.take(b"null") => Ok(Object::Null),
            _ => Err(self.fault("not an object")),
        }
    }

    /// The entries of a dictionary; a key given twice is refused, since readers differ in which one they take.
    pub fn entries(&mut self, depth: u32) -> Result<Vec<Entry>, Fault> {
        self.expect(b"<<", "not a dictionary")?;
        let (mut entries, mut keys) = (Vec::<Entry>::new(), BTreeSet::new());
        loop {
            self.space();
            if self.take(b">>") {
                return Ok(entries);
            }
            let key = self.name()?;
            if entries.len() == MOST_ENTRIES {
                return Err(self.fault("a dictionary has too many entries"));
            }
            if !keys.insert(key.clone()) {
                return Err(self.fault("a key is given twice"));
            }
            self.space();
            let start = self.at;
            let value = self.object(depth)?;
            entries.push(Entry {
                key,
                value,
                span: start..self.at,
            });
        }
    }

    fn name(&mut self) -> Result<Vec<u8>, Fault> {
        self.expect(b"/", "not a name")?;
        let raw = self.run(|byte| !is_space(byte) && !is_delimiter(byte))?;
        let mut name = Vec::with_capacity(raw.len());
        let mut bytes = raw.iter();
        while let Some(byte) = bytes.next() {
            name.push(match byte {
                b'#' => {
                    let digits = (
                        bytes.next().and_then(|b| nibble(*b)),
                        bytes.next().and_then(|b| nibble(*b)),
                    );
                    let (Some(high), Some(low)) = digits else {
                        return Err(self.fault("a name is escaped wrongly"));
                    };
                    high << 4 | low
                }
                byte => *byte,
            });
        }
        Ok(name)
    }

    fn array(&mut self, depth: u32) -> Result<Object, Fault> {
        self.expect(b"[", "not an array")?;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take(b"]") {
                return Ok(Object::Array(items));
            }
            items.push(self.object(depth)?);
        }
    }

    /// An integer, a real, or a reference such as `12 0 R`.
    fn number(&mut self) -> Result<Object, Fault> {
        let token = self.run(|byte| matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9'))?;
        let text = std::str::from_utf8(token).unwrap_or_default();
        if text.contains('.') {
            let real = text.parse::<f32>().ok().filter(|real| real.is_finite());
            return real.map(Object::Real).ok_or_else(|| self.fault("not a number"));
        }
        let integer: i64 = text.parse().map_err(|_| self.fault("not a number"))?;
        let mut ahead = self.clone();
        let reference = (|| {
            ahead.expect(b" ", "").ok()?;
            let generation = u16::try_from(ahead.unsigned().ok()?).ok()?;
            ahead.expect(b" R", "").ok()?;
            let ends = ahead.peek().is_none_or(|byte| is_space(byte) || is_delimiter(byte));
            Some((u32::try_from(integer).ok().filter(|_| ends)?, generation))
        })();
        Ok(match reference {
            Some(id) => {
                self.at = ahead.at;
                Object::Reference(id)
            }
            None => Object::Integer(integer),
        })
    }
}

/// The entries as `lopdf` keeps them.
pub fn dictionary(entries: Vec<Entry>) -> Object {
    let mut dictionary = Dictionary::new();
    for entry in entries {
        dictionary.set(entry.key, entry.value);
    }
    Object::Dictionary(dictionary)
}

pub(super) fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 12)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

#[cfg(test)]
mod tests {
    use lopdf::StringFormat;

    use super::*;

    fn read(text: &[u8]) -> Result<Object, Fault> {
        Cursor::new(text, 0).object(DEEPEST)
    }

    #[test]
    fn objects_are_read_as_written() {
        assert_eq!(read(b"12 0 R]").unwrap(), Object::Reference((12, 0)));
        assert_eq!(read(b"12 0 Rx").unwrap(), Object::Integer(12));
        assert_eq!(read(b"-1.5").unwrap(), Object::Real(-1.5));
        assert_eq!(read(b"/A#20B").unwrap(), Object::Name(b"A B".to_vec()));
        let text = Object::String(b"a(b)\\)\x03".to_vec(), StringFormat::Literal);
        assert_eq!(read(b"(a(b)\\\\\\)\\003)").unwrap(), text);
        let entries = Cursor::new(b"<</A 1/B<0aff>>>", 0).entries(3).unwrap();
        assert_eq!(entries[1].span, 8..14);
    }

    #[test]
    fn what_readers_take_differently_is_refused() {
        let deep = [b"[".repeat(100), b"]".repeat(100)].concat();
        let keys: String = (0..5_000).map(|number| format!("/K{number} 1")).collect();
        let wide = format!("<<{keys}>>").into_bytes();
        let many = [b"[".as_slice(), &b"1 ".repeat(300_000), b"]"].concat();
        let refused: [&[u8]; 10] = [
            &wide,
            &many,
            b"<</A 1/A 2>>",
            b"<</A 1 %x\n>>",
            b"<0g>",
            b"<abc>",
            b"(open",
            b"[1 2",
            b"/A#zz",
            &deep,
        ];
        for text in refused {
            assert!(
                read(text).is_err(),
                "{}",
                String::from_utf8_lossy(text).get(..20).unwrap_or_default()
            );
        }
    }
}
