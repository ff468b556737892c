//! A revision after a signature, read byte by byte: its objects, a table of exactly these, a trailer, nothing between them.
//! Must not judge what the objects mean, and must not repair anything.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Object, ObjectId};

use super::syntax::{Cursor, Fault, dictionary};

/// A revision read byte by byte.
#[derive(Debug)]
pub struct Later {
    pub objects: BTreeMap<ObjectId, Object>,
    pub trailer: Dictionary,
}

impl Later {
    /// Reads the revision that begins and ends at these bytes; no byte of it may stand outside its grammar.
    ///
    /// # Errors
    /// The first place that deviates.
    pub fn read(bytes: &[u8], from: usize, to: usize) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes, from);
        let mut objects = BTreeMap::new();
        let mut offsets = BTreeMap::new();
        while !cursor.take(b"xref") {
            let indirect = cursor.indirect()?;
            cursor.line_end()?;
            offsets.insert(indirect.id, indirect.span.start);
            if objects.insert(indirect.id, indirect.object).is_some() {
                return Err(cursor.fault("an object is given twice"));
            }
        }
        let start = cursor.at() - b"xref".len();
        cursor.line_end()?;
        table(&mut cursor, offsets)?;
        cursor.line_end()?;
        let trailer = match dictionary(cursor.entries(8)?) {
            Object::Dictionary(trailer) => trailer,
            _ => return Err(cursor.fault("no trailer")),
        };
        cursor.line_end()?;
        cursor.expect(b"startxref", "no `startxref`")?;
        cursor.line_end()?;
        if cursor.unsigned()? != start as u64 {
            return Err(cursor.fault("`startxref` leads elsewhere"));
        }
        cursor.line_end()?;
        cursor.expect(b"%%EOF\n", "no end")?;
        match cursor.at() == to {
            true => Ok(Self { objects, trailer }),
            false => Err(cursor.fault("the revision ends elsewhere")),
        }
    }
}

/// The table lists each object of the revision at its place, and no other; stands after `trailer` then.
fn table(cursor: &mut Cursor, mut offsets: BTreeMap<ObjectId, usize>) -> Result<(), Fault> {
    while !cursor.take(b"trailer") {
        let first = cursor.unsigned()?;
        cursor.expect(b" ", "no count")?;
        let count = cursor.unsigned()?;
        cursor.line_end()?;
        for number in (first..).take(usize::try_from(count).unwrap_or_default()) {
            let offset = cursor.unsigned()?;
            cursor.expect(b" ", "no generation")?;
            let generation = cursor.unsigned()?;
            cursor.expect(b" n \n", "not an object in use")?;
            let id = u32::try_from(number).ok().zip(u16::try_from(generation).ok());
            let known = id.and_then(|id| offsets.remove(&id));
            if known.map(|at| at as u64) != Some(offset) {
                return Err(cursor.fault("the table leads elsewhere"));
            }
        }
    }
    match offsets.is_empty() {
        true => Ok(()),
        false => Err(cursor.fault("an object is not in the table")),
    }
}
