//! Which object numbers a file has given away, and which a revision may use: none that the file already speaks of.
//! Must not judge what the objects are for.

use lopdf::xref::{XrefEntry, XrefType};
use lopdf::{Dictionary, Document, Object, ObjectId};

/// The numbers of one file.
pub struct Numbers<'a> {
    document: &'a Document,
    /// The first number that nothing in the file lays claim to: neither an object, nor a freed one, nor the trailer's size.
    pub next: u32,
}

impl<'a> Numbers<'a> {
    /// None for a file that a table must not be appended to: one with cross-reference streams, of its own or besides, or
    /// with references to objects that are yet to come, which a later revision would fill in.
    pub fn of(document: &'a Document) -> Option<Self> {
        let table = &document.reference_table;
        let compressed = |entry: &XrefEntry| matches!(entry, XrefEntry::Compressed { .. });
        let plain = matches!(table.cross_reference_type, XrefType::CrossReferenceTable)
            && !document.trailer.has(b"XRefStm")
            && !table.entries.values().any(compressed);
        if !plain {
            return None;
        }
        let size = document.trailer.get(b"Size").and_then(Object::as_i64).ok();
        let size = size.and_then(|size| u32::try_from(size).ok())?;
        let next = document.max_id.checked_add(1)?.max(size);
        let dangling = document.objects.values().any(|object| leads_to(object, next));
        (!dangling).then_some(Self { document, next })
    }

    pub fn is_new(&self, id: ObjectId) -> bool {
        id.0 >= self.next && id.1 == 0
    }

    /// Whether exactly this number and generation is what the file's table leads to.
    pub fn is_in_use(&self, id: ObjectId) -> bool {
        let entry = self.document.reference_table.get(id.0);
        let same = matches!(entry, Some(XrefEntry::Normal { generation, .. }) if *generation == id.1);
        same && self.document.has_object(id)
    }
}

/// Whether a reference in it leads to this number or a higher one. No deeper than the parser lets objects nest.
fn leads_to(object: &Object, number: u32) -> bool {
    let within = |dictionary: &Dictionary| dictionary.iter().any(|(_, value)| leads_to(value, number));
    match object {
        Object::Reference(id) => id.0 >= number,
        Object::Array(items) => items.iter().any(|item| leads_to(item, number)),
        Object::Dictionary(dictionary) => within(dictionary),
        Object::Stream(stream) => within(&stream.dict),
        _ => false,
    }
}
