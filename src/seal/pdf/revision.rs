//! One more revision at a PDF's end: new and changed objects, a cross-reference table and a trailer. What was there stays as it is.
//! Must not know what the objects mean.

use std::collections::BTreeMap;
use std::io::Write as _;

use lopdf::{Dictionary, Object, ObjectId, Writer};

use super::PdfError;
use super::base::Base;
use super::numbers::Numbers;
use crate::seal::work::Work;

/// The largest file that is sealed or judged.
pub const LARGEST_FILE: usize = 64 * 1_024 * 1_024;

/// Reads a PDF whose structure needs no guessing.
///
/// # Errors
/// A damaged, encrypted or too large one.
pub fn load<'a>(bytes: &'a [u8], work: &'a Work) -> Result<Base<'a>, PdfError> {
    match bytes.len() <= LARGEST_FILE {
        true => Ok(Base::read(bytes, work)?),
        false => Err(PdfError::TooLarge),
    }
}

/// A revision while it is put together.
pub struct Revision<'a> {
    base: &'a [u8],
    pub document: &'a Base<'a>,
    next: u32,
    objects: BTreeMap<ObjectId, Vec<u8>>,
}

impl<'a> Revision<'a> {
    /// Begins a revision after `base`, which `document` was loaded from.
    ///
    /// # Errors
    /// A file with cross-reference streams, or with references to what is yet to come: a table must not be appended to it.
    pub fn new(base: &'a [u8], document: &'a Base<'a>) -> Result<Self, PdfError> {
        let numbers = Numbers::of(document).ok_or(PdfError::Unsupported(
            "a file with cross-reference streams, or with references to nothing",
        ))?;
        Ok(Self {
            base,
            document,
            next: numbers.next,
            objects: BTreeMap::new(),
        })
    }

    /// A number that no object has yet.
    pub fn number(&mut self) -> ObjectId {
        let number = self.next;
        self.next += 1;
        (number, 0)
    }

    /// Adds or replaces an object.
    ///
    /// # Errors
    /// None in memory.
    pub fn put(&mut self, id: ObjectId, object: &Object) -> Result<(), PdfError> {
        let mut written = Vec::new();
        Writer::write_object(&mut written, object)?;
        self.objects.insert(id, written);
        Ok(())
    }

    /// Adds an object as it is written.
    pub fn put_written(&mut self, id: ObjectId, written: Vec<u8>) {
        self.objects.insert(id, written);
    }

    /// The whole file, and where the object of this number begins.
    ///
    /// # Errors
    /// None in memory.
    pub fn finish(self, of_interest: ObjectId) -> Result<(Vec<u8>, usize), PdfError> {
        let mut file = self.base.to_vec();
        if file.last() != Some(&b'\n') {
            file.push(b'\n');
        }
        let mut offsets = BTreeMap::new();
        for (id, written) in &self.objects {
            offsets.insert(*id, file.len());
            writeln!(file, "{} {} obj", id.0, id.1)?;
            file.extend(written);
            file.extend(b"\nendobj\n");
        }
        let start = file.len();
        file.extend(table(&offsets).into_bytes());
        file.extend(b"trailer\n");
        Writer::write_object(&mut file, &Object::Dictionary(self.trailer()))?;
        write!(file, "\nstartxref\n{start}\n%%EOF\n")?;
        let offset = offsets.get(&of_interest).copied();
        let offset = offset.ok_or_else(|| PdfError::Structure("an object was not written".into()))?;
        Ok((file, offset))
    }

    fn trailer(&self) -> Dictionary {
        let mut trailer = Dictionary::new();
        trailer.set("Size", Object::Integer(i64::from(self.next)));
        for key in [b"Root".as_slice(), b"Info"] {
            if let Ok(value) = self.document.table.trailer.get(key) {
                trailer.set(key, value.clone());
            }
        }
        if let Some(first) = first_identity(&self.document.table.trailer) {
            // The second part names the revision: the same base and seal give the same file.
            let second = crate::seal::sm3(self.base).get(..16).unwrap_or_default().to_vec();
            let second = Object::String(second, lopdf::StringFormat::Hexadecimal);
            trailer.set("ID", Object::Array(vec![first, second]));
        }
        let before = i64::try_from(self.document.table.start).unwrap_or_default();
        trailer.set("Prev", Object::Integer(before));
        trailer
    }
}

/// The part of a file's identity that all its revisions share.
pub fn first_identity(trailer: &Dictionary) -> Option<Object> {
    let identity = trailer.get(b"ID").and_then(Object::as_array).ok()?;
    identity.first().cloned()
}

fn table(offsets: &BTreeMap<ObjectId, usize>) -> String {
    let mut text = "xref\n".to_owned();
    let ids: Vec<_> = offsets.iter().collect();
    for run in ids.chunk_by(|a, b| a.0.0 + 1 == b.0.0) {
        let first = run.first().map_or(0, |(id, _)| id.0);
        text.push_str(&format!("{first} {}\n", run.len()));
        for (id, offset) in run {
            text.push_str(&format!("{offset:010} {:05} n \n", id.1));
        }
    }
    text
}
