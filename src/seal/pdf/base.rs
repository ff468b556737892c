//! A PDF as it stood at some time, read object by object where something is asked of it. Must not read more than is asked:
//! a stranger's file may hold what takes hours.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lopdf::{Dictionary, Object, ObjectId};

use super::syntax::{Cursor, Fault};
use super::table::{Entry, Table, unpacked};
use crate::seal::work::Work;

/// As many pages as are looked at.
const MOST_PAGES: usize = 10_000;
/// How deep trees of pages go.
const DEEPEST: usize = 32;
/// As many references as may lead from one to the next.
const LONGEST_CHAIN: usize = 16;
/// What is kept of objects that were read, in bytes of the file.
const KEPT: usize = 4 * 1_024 * 1_024;

/// What it costs to find an object that was read before.
const LOOKED_UP: usize = 16;

/// One state of a file.
pub struct Base<'a> {
    bytes: &'a [u8],
    work: &'a Work,
    pub table: Table,
    read: RefCell<BTreeMap<ObjectId, (Rc<Object>, usize)>>,
    kept: Cell<usize>,
    /// The object stream that was unpacked last.
    container: RefCell<Option<(u32, Rc<Container>)>>,
}

/// An unpacked object stream: numbers with the places of their objects.
struct Container {
    content: Vec<u8>,
    objects: Vec<(u32, usize)>,
}

impl<'a> Base<'a> {
    /// # Errors
    /// A file without head, one whose tables are damaged, an encrypted one.
    pub fn read(bytes: &'a [u8], work: &'a Work) -> Result<Self, Fault> {
        let start = Cursor::new(bytes, 0);
        if !bytes.starts_with(b"%PDF-") {
            return Err(start.fault("no head"));
        }
        let table = Table::read(bytes, work)?;
        if table.trailer.has(b"Encrypt") {
            return Err(start.fault("encrypted"));
        }
        let base = Self {
            bytes,
            work,
            table,
            read: RefCell::default(),
            kept: Cell::new(0),
            container: RefCell::new(None),
        };
        match base.catalog() {
            Some(_) => Ok(base),
            None => Err(start.fault("no catalogue")),
        }
    }

    /// The object that the table leads to, under this number and generation.
    pub fn get(&self, id: ObjectId) -> Option<Rc<Object>> {
        if let Some((object, _)) = self.read.borrow().get(&id) {
            self.work.take(LOOKED_UP).ok()?;
            return Some(Rc::clone(object));
        }
        let (object, size) = match *self.table.entries.get(&id.0)? {
            Entry::At { offset, generation } if generation == id.1 => {
                let mut cursor = Cursor::new(self.bytes, offset);
                let read = cursor.indirect();
                self.work.take(cursor.at().saturating_sub(offset)).ok()?;
                let read = read.ok().filter(|read| read.id == id)?;
                (read.object, read.span.len())
            }
            Entry::Within { container, index } if id.1 == 0 => {
                let container = self.container(container)?;
                let (number, at) = *container.objects.get(index)?;
                let mut cursor = Cursor::new(&container.content, at);
                let object = cursor.object(DEEPEST.try_into().ok()?);
                let size = cursor.at().saturating_sub(at);
                self.work.take(size).ok()?;
                (object.ok().filter(|_| number == id.0)?, size)
            }
            _ => return None,
        };
        let object = Rc::new(object);
        self.kept.set(self.kept.get().saturating_add(size));
        if self.kept.get() <= KEPT {
            self.read.borrow_mut().insert(id, (Rc::clone(&object), size));
        }
        Some(object)
    }

    fn container(&self, number: u32) -> Option<Rc<Container>> {
        if let Some((kept, container)) = &*self.container.borrow()
            && *kept == number
        {
            return Some(Rc::clone(container));
        }
        let Entry::At { offset, generation: 0 } = *self.table.entries.get(&number)? else {
            return None;
        };
        let mut cursor = Cursor::new(self.bytes, offset);
        let read = cursor.indirect();
        self.work.take(cursor.at().saturating_sub(offset)).ok()?;
        let Object::Stream(stream) = read.ok()?.object else {
            return None;
        };
        let content = unpacked(&stream, self.work)?;
        let number_of = |key: &[u8]| usize::try_from(stream.dict.get(key).ok()?.as_i64().ok()?).ok();
        let (count, first) = (number_of(b"N")?, number_of(b"First")?);
        let mut index = Cursor::new(&content, 0);
        let mut objects = Vec::new();
        for _ in 0..count.min(content.len()) {
            index.space();
            let number = u32::try_from(index.unsigned().ok()?).ok()?;
            index.space();
            let at = usize::try_from(index.unsigned().ok()?).ok()?;
            objects.push((number, first.checked_add(at)?));
        }
        let container = Rc::new(Container { content, objects });
        *self.container.borrow_mut() = Some((number, Rc::clone(&container)));
        Some(container)
    }

    /// What a value is in the end, whatever references lead to it.
    pub fn resolve(&self, value: &Object) -> Option<Rc<Object>> {
        let mut found = Rc::new(value.clone());
        for _ in 0..LONGEST_CHAIN {
            match *found {
                Object::Reference(id) => found = self.get(id)?,
                _ => return Some(found),
            }
        }
        None
    }

    /// The value of a key, resolved.
    pub fn value(&self, dictionary: &Dictionary, key: &[u8]) -> Option<Rc<Object>> {
        self.resolve(dictionary.get(key).ok()?)
    }

    pub fn dictionary(&self, id: ObjectId) -> Option<Dictionary> {
        let object = self.get(id)?;
        // A copy costs less than reading, and more than nothing.
        let size = self.read.borrow().get(&id).map_or(0, |(_, size)| *size);
        self.work.take(size / 8).ok()?;
        object.as_dict().ok().cloned()
    }

    pub fn root(&self) -> Option<ObjectId> {
        self.table.trailer.get(b"Root").and_then(Object::as_reference).ok()
    }

    pub fn catalog(&self) -> Option<Dictionary> {
        self.dictionary(self.root()?)
    }

    /// The pages in their order; none where the tree is no tree, or has too many.
    pub fn pages(&self) -> Option<Vec<ObjectId>> {
        let root = self.catalog()?.get(b"Pages").and_then(Object::as_reference).ok()?;
        let (mut pages, mut seen) = (Vec::new(), BTreeSet::new());
        self.descend(root, DEEPEST, &mut seen, &mut pages)?;
        Some(pages)
    }

    fn descend(
        &self,
        id: ObjectId,
        depth: usize,
        seen: &mut BTreeSet<ObjectId>,
        pages: &mut Vec<ObjectId>,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        if !seen.insert(id) || pages.len() == MOST_PAGES {
            return None;
        }
        let node = self.get(id)?;
        let node = node.as_dict().ok()?;
        let Ok(kids) = node.get(b"Kids") else {
            pages.push(id);
            return Some(());
        };
        for kid in self.resolve(kids)?.as_array().ok()? {
            self.descend(kid.as_reference().ok()?, depth, seen, pages)?;
        }
        Some(())
    }

    /// Whether an object that is in use refers to this number or a higher one. None where that cannot be told: an object that
    /// cannot be read, or two that begin at one place.
    pub fn leads_to(&self, number: u32) -> Option<bool> {
        let mut places = BTreeSet::new();
        for (at, entry) in &self.table.entries {
            let Entry::At { offset, generation } = *entry else {
                continue;
            };
            if !places.insert(offset) {
                return None;
            }
            let mut cursor = Cursor::new(self.bytes, offset);
            let read = cursor.head_of_object();
            self.work.take(cursor.at().saturating_sub(offset)).ok()?;
            let (id, object) = read.ok()?;
            if id != (*at, generation) {
                return None;
            }
            if mentions(&object, number) {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// Whether a reference in it leads to this number or a higher one. No deeper than the reader lets objects nest.
fn mentions(object: &Object, number: u32) -> bool {
    match object {
        Object::Reference(id) => id.0 >= number,
        Object::Array(items) => items.iter().any(|item| mentions(item, number)),
        Object::Dictionary(dictionary) => dictionary.iter().any(|(_, value)| mentions(value, number)),
        _ => false,
    }
}
