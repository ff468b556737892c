//! Which object numbers a file has given away, and which a revision may use: none that the file already speaks of.
//! Must not judge what the objects are for.

use lopdf::{Object, ObjectId};

use super::base::Base;
use super::table::Entry;

/// The numbers of one file.
pub struct Numbers<'a> {
    base: &'a Base<'a>,
    /// The first number that nothing in the file lays claim to: neither an object, nor a freed one, nor the trailer's size.
    pub next: u32,
}

impl<'a> Numbers<'a> {
    /// None for a file that a table must not be appended to: one with cross-reference streams, of its own or besides, or
    /// with references to objects that are yet to come, which a later revision would fill in.
    pub fn of(base: &'a Base<'a>) -> Option<Self> {
        if !base.table.plain {
            return None;
        }
        let highest = *base.table.entries.keys().next_back()?;
        let size = base.table.trailer.get(b"Size").and_then(Object::as_i64).ok();
        let size = size.and_then(|size| u32::try_from(size).ok())?;
        let next = highest.checked_add(1)?.max(size);
        (!base.leads_to(next)?).then_some(Self { base, next })
    }

    pub fn is_new(&self, id: ObjectId) -> bool {
        id.0 >= self.next && id.1 == 0
    }

    /// Whether exactly this number and generation is what the file's table leads to.
    pub fn is_in_use(&self, id: ObjectId) -> bool {
        let entry = self.base.table.entries.get(&id.0);
        matches!(entry, Some(Entry::At { generation, .. }) if *generation == id.1)
    }
}
