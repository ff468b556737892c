//! The cross-reference tables of a PDF, followed from its end to its beginning. Must not read objects, and must not repair.

use std::collections::{BTreeMap, BTreeSet};

use lopdf::{Dictionary, Object, Stream};

use super::syntax::{Cursor, Fault, dictionary};
use crate::seal::work::Work;

/// As many objects as the tables of one file may list.
const MOST_OBJECTS: usize = 262_144;
/// As many times as one file may have been saved.
const MOST_REVISIONS: usize = 256;
/// What one stream of references or objects may unpack to.
pub const LARGEST_STREAM: usize = 8 * 1_024 * 1_024;
/// How far from its end a file says where its table stands.
const TAIL: usize = 1_024;

/// What a number leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Free,
    At {
        offset: usize,
        generation: u16,
    },
    /// Within an object stream.
    Within {
        container: u32,
        index: usize,
    },
}

/// All tables of one file, the latest word on each number.
#[derive(Debug)]
pub struct Table {
    pub entries: BTreeMap<u32, Entry>,
    pub trailer: Dictionary,
    /// Where the last table begins.
    pub start: usize,
    /// True where no part of it is a cross-reference stream.
    pub plain: bool,
}

impl Table {
    /// # Errors
    /// Anything that another reader might follow elsewhere, or that is beyond the limits.
    pub fn read(bytes: &[u8], work: &Work) -> Result<Self, Fault> {
        let start = start(bytes)?;
        let mut table = Self {
            entries: BTreeMap::new(),
            trailer: Dictionary::new(),
            start,
            plain: true,
        };
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(at) = next.pop() {
            let mut cursor = Cursor::new(bytes, at);
            if !seen.insert(at) || seen.len() > MOST_REVISIONS {
                return Err(cursor.fault("the tables do not end"));
            }
            let trailer = match cursor.take(b"xref") {
                true => table.section(&mut cursor)?,
                false => table.stream(&mut cursor, work)?,
            };
            work.take(cursor.at().saturating_sub(at))
                .map_err(|_| cursor.fault("too much work"))?;
            next.extend(place(&trailer, b"Prev", &cursor)?);
            if let Some(beside) = place(&trailer, b"XRefStm", &cursor)? {
                table.plain = false;
                next.push(beside);
            }
            if table.trailer.is_empty() {
                table.trailer = trailer;
            }
        }
        Ok(table)
    }

    fn section(&mut self, cursor: &mut Cursor) -> Result<Dictionary, Fault> {
        cursor.space();
        while !cursor.take(b"trailer") {
            let first = cursor.unsigned()?;
            cursor.expect(b" ", "no count")?;
            let count = cursor.unsigned()?;
            cursor.space();
            for number in (first..).take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let offset = cursor.unsigned()?;
                cursor.expect(b" ", "no generation")?;
                let generation = cursor.unsigned()?;
                cursor.expect(b" ", "no kind")?;
                let entry = match (usize::try_from(offset), u16::try_from(generation)) {
                    (Ok(offset), Ok(generation)) if cursor.take(b"n") => Entry::At { offset, generation },
                    _ if cursor.take(b"f") => Entry::Free,
                    _ => return Err(cursor.fault("no line of a table")),
                };
                cursor.space();
                self.add(number, entry, cursor)?;
            }
        }
        cursor.space();
        match dictionary(cursor.entries(8)?) {
            Object::Dictionary(trailer) => Ok(trailer),
            _ => Err(cursor.fault("no trailer")),
        }
    }

    fn add(&mut self, number: u64, entry: Entry, cursor: &Cursor) -> Result<(), Fault> {
        let number = u32::try_from(number).map_err(|_| cursor.fault("an object number is too large"))?;
        // Tables are read from the last to the first: what was said later counts.
        self.entries.entry(number).or_insert(entry);
        match self.entries.len() <= MOST_OBJECTS {
            true => Ok(()),
            false => Err(cursor.fault("too many objects")),
        }
    }

    fn stream(&mut self, cursor: &mut Cursor, work: &Work) -> Result<Dictionary, Fault> {
        self.plain = false;
        let Object::Stream(stream) = cursor.indirect()?.object else {
            return Err(cursor.fault("no table"));
        };
        let broken = || cursor.fault("no table");
        let content = unpacked(&stream, work).ok_or_else(broken)?;
        let numbers = |key: &[u8]| {
            let numbers = stream.dict.get(key).and_then(Object::as_array).ok()?.iter();
            numbers
                .map(|number| usize::try_from(number.as_i64().ok()?).ok())
                .collect::<Option<Vec<_>>>()
        };
        let widths = numbers(b"W").and_then(|widths| <[usize; 3]>::try_from(widths).ok());
        let [kind, second, third] = widths
            .filter(|widths| widths.iter().all(|width| *width <= 8) && widths.iter().sum::<usize>() > 0)
            .ok_or_else(broken)?;
        let size = stream.dict.get(b"Size").and_then(Object::as_i64).ok();
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or_else(broken)?;
        let index = numbers(b"Index").unwrap_or_else(|| vec![0, size]);
        let mut rows = content.chunks_exact(kind + second + third);
        for pair in index.chunks_exact(2) {
            let (first, count) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
            for number in (first..).take(count) {
                let row = rows.next().ok_or_else(broken)?;
                let (head, rest) = row.split_at(kind);
                let (middle, tail) = rest.split_at(second);
                let entry = match (
                    if kind == 0 { 1 } else { big_endian(head) },
                    big_endian(middle),
                    big_endian(tail),
                ) {
                    (0, ..) => Entry::Free,
                    (1, offset, generation) => Entry::At {
                        offset: usize::try_from(offset).map_err(|_| broken())?,
                        generation: u16::try_from(generation).map_err(|_| broken())?,
                    },
                    (2, container, index) => Entry::Within {
                        container: u32::try_from(container).map_err(|_| broken())?,
                        index: usize::try_from(index).map_err(|_| broken())?,
                    },
                    _ => return Err(broken()),
                };
                self.add(number as u64, entry, cursor)?;
            }
        }
        Ok(stream.dict)
    }
}

/// Unpacks a stream of references or objects.
pub fn unpacked(stream: &Stream, work: &Work) -> Option<Vec<u8>> {
    let filter = stream.dict.get(b"Filter").ok();
    let known = filter.is_none_or(|filter| *filter == Object::Name(b"FlateDecode".to_vec()));
    known.then_some(())?;
    let content = stream.get_plain_content_with_limit(LARGEST_STREAM).ok()?;
    work.take(content.len()).ok()?;
    Some(content)
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn place(trailer: &Dictionary, key: &[u8], cursor: &Cursor) -> Result<Option<usize>, Fault> {
    match trailer.get(key) {
        Err(_) => Ok(None),
        Ok(at) => {
            let at = at.as_i64().ok().and_then(|at| usize::try_from(at).ok());
            at.map(Some).ok_or_else(|| cursor.fault("a table's place is no number"))
        }
    }
}

/// Where the file says that its last table stands.
fn start(bytes: &[u8]) -> Result<usize, Fault> {
    let floor = bytes.len().saturating_sub(TAIL);
    let word = b"startxref".as_slice();
    let tail = bytes.get(floor..).unwrap_or_default();
    let at = tail.windows(word.len()).rposition(|window| window == word);
    let mut cursor = Cursor::new(bytes, floor + at.unwrap_or(tail.len()));
    cursor.expect(word, "no `startxref`")?;
    cursor.space();
    let start = cursor.unsigned()?;
    cursor.space();
    cursor.expect(b"%%EOF", "no end")?;
    usize::try_from(start).map_err(|_| cursor.fault("a table's place is too large"))
}
