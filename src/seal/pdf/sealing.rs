//! The revision that carries a seal: the field, its picture, the strips over the edges, and the empty slot.
//! Must not sign: it leaves the slot that a signature over everything else is put into.

use std::ops::Range;
use std::rc::Rc;

use lopdf::{Dictionary, Object, ObjectId, StringFormat, Writer};

use super::appearance::{Area, Sides, Strip, form};
use super::base::Base;
use super::edges::Edge;
use super::picture::Picture;
use super::revision::{Revision, load};
use super::{Edges, PdfError, Prepared, Sealing};
use crate::seal::work::Work;

/// Bytes kept for one SES_Signature.
pub const SLOT: usize = 65_536;
/// Print, and locked against moving.
pub const FIELD_FLAGS: i64 = 4 + 128;
/// Print, read-only, locked.
pub const STRIP_FLAGS: i64 = 4 + 64 + 128;
/// How far page trees are climbed for what pages inherit.
const HIGHEST: u32 = 32;

/// Appends the revision. See [`super::prepare`].
pub fn prepare(sealing: &Sealing) -> Result<Prepared, PdfError> {
    let work = Work::default();
    let document = load(sealing.base, &work)?;
    let picture = Picture::decode(sealing.picture)?;
    let mut revision = Revision::new(sealing.base, &document)?;
    let pages = document.pages().ok_or_else(|| lost("the pages"))?;
    let place = sealing.place;
    let page = (place.page as usize).checked_sub(1).and_then(|index| pages.get(index));
    let page = *page.ok_or(PdfError::Place)?;
    let sheet = sheet(&document, page)?;
    let area = Area::on(sheet, place.x_mm, place.y_mm, place.width_mm, place.height_mm);
    if place.width_mm < 1.0 || place.height_mm < 1.0 || !sheet.holds(area) {
        return Err(PdfError::Place);
    }
    let image = draw(&mut revision, &picture)?;
    let (signature, field) = (revision.number(), revision.number());
    let mut added: Vec<(ObjectId, ObjectId)> = vec![(page, field)];
    let shown = appearance(&mut revision, area, Strip::WHOLE, image)?;
    let name = field_name(&document)?;
    revision.put(field, &widget(page, area, signature, shown, &name))?;
    if sealing.edges == Edges::Sealed {
        added.extend(strips(&mut revision, &pages, sealing, image)?);
    }
    for page in &pages {
        let new: Vec<_> = added
            .iter()
            .filter(|(at, _)| at == page)
            .map(|(_, annotation)| *annotation)
            .collect();
        annotate(&mut revision, *page, &new)?;
    }
    register(&mut revision, field)?;
    let (written, slot) = signature_dictionary(sealing)?;
    revision.put_written(signature, written);
    let (mut bytes, offset) = revision.finish(signature)?;
    let head = format!("{} {} obj\n", signature.0, signature.1).len();
    let gap = offset + head + slot.start..offset + head + slot.end;
    let ranges = [0, gap.start, gap.end, bytes.len() - gap.end];
    fill_ranges(&mut bytes, offset + head, ranges)?;
    Ok(Prepared::of(bytes, ranges))
}

fn draw(revision: &mut Revision, picture: &Picture) -> Result<ObjectId, PdfError> {
    let (image_id, mask_id) = (revision.number(), revision.number());
    let (image, mask) = picture.objects(mask_id)?;
    revision.put(image_id, &Object::Stream(image))?;
    revision.put(mask_id, &Object::Stream(mask))?;
    Ok(image_id)
}

fn appearance(revision: &mut Revision, area: Area, strip: Strip, image: ObjectId) -> Result<ObjectId, PdfError> {
    let id = revision.number();
    revision.put(id, &Object::Stream(form(area, strip, image)))?;
    Ok(id)
}

fn widget(page: ObjectId, area: Area, signature: ObjectId, shown: ObjectId, name: &str) -> Object {
    let mut widget = annotation("Widget", page, area, shown, FIELD_FLAGS);
    widget.set("FT", Object::Name(b"Sig".to_vec()));
    widget.set("T", Object::string_literal(name));
    widget.set("V", Object::Reference(signature));
    Object::Dictionary(widget)
}

fn annotation(kind: &str, page: ObjectId, area: Area, shown: ObjectId, flags: i64) -> Dictionary {
    let mut appearances = Dictionary::new();
    appearances.set("N", Object::Reference(shown));
    let mut annotation = Dictionary::new();
    annotation.set("Type", Object::Name(b"Annot".to_vec()));
    annotation.set("Subtype", Object::Name(kind.into()));
    annotation.set("P", Object::Reference(page));
    annotation.set("Rect", area.object());
    annotation.set("F", Object::Integer(flags));
    annotation.set("AP", Object::Dictionary(appearances));
    annotation
}

/// One strip over the right edge of each page, cut from the one picture.
fn strips(
    revision: &mut Revision,
    pages: &[ObjectId],
    sealing: &Sealing,
    image: ObjectId,
) -> Result<Vec<(ObjectId, ObjectId)>, PdfError> {
    if pages.len() < 2 {
        return Ok(Vec::new());
    }
    let sides = Sides {
        width_mm: sealing.place.width_mm,
        height_mm: sealing.place.height_mm,
    };
    let edge = Edge::of(revision.document, sides)?;
    let mut added = Vec::new();
    for page in pages {
        let placed = edge.on(*page).ok_or(PdfError::Place)?;
        let shown = appearance(revision, placed.area, placed.strip, image)?;
        let id = revision.number();
        let stamp = annotation("Stamp", *page, placed.area, shown, STRIP_FLAGS);
        revision.put(id, &Object::Dictionary(stamp))?;
        added.push((*page, id));
    }
    Ok(added)
}

/// The page's box, its own or inherited.
pub fn sheet(document: &Base, page: ObjectId) -> Result<Area, PdfError> {
    let rotated = inherited(document, page, b"Rotate").and_then(|angle| angle.as_i64().ok());
    if rotated.is_some_and(|angle| angle != 0) {
        return Err(PdfError::Unsupported("a turned page"));
    }
    // A unit other than a point would draw the seal larger than it says.
    if inherited(document, page, b"UserUnit").is_some() {
        return Err(PdfError::Unsupported("a page with units of its own"));
    }
    let area = inherited(document, page, b"MediaBox").and_then(|size| Area::read(&size));
    area.ok_or_else(|| PdfError::Structure("a page has no size".into()))
}

fn inherited(document: &Base, page: ObjectId, key: &[u8]) -> Option<Rc<Object>> {
    let mut node = document.get(page)?;
    for _ in 0..HIGHEST {
        let dictionary = node.as_dict().ok()?;
        if let Some(value) = document.value(dictionary, key) {
            return Some(value);
        }
        node = document.value(dictionary, b"Parent")?;
    }
    None
}

fn lost(what: &str) -> PdfError {
    PdfError::Structure(format!("{what} cannot be read"))
}

/// Adds annotations to a page: to its own list, or to the list it refers to.
fn annotate(revision: &mut Revision, page: ObjectId, new: &[ObjectId]) -> Result<(), PdfError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut dictionary = revision.document.dictionary(page).ok_or_else(|| lost("a page"))?;
    let held = dictionary.get(b"Annots").ok().cloned();
    let mut annotations = match &held {
        Some(held) => {
            let list = revision.document.resolve(held);
            let list = list.as_deref().and_then(|list| list.as_array().ok().cloned());
            list.ok_or_else(|| lost("a page's annotations"))?
        }
        None => Vec::new(),
    };
    annotations.extend(new.iter().map(|id| Object::Reference(*id)));
    if let Some(Object::Reference(list)) = held {
        return revision.put(list, &Object::Array(annotations));
    }
    dictionary.set("Annots", Object::Array(annotations));
    revision.put(page, &Object::Dictionary(dictionary))
}

/// Adds the field to the file's form; the first makes the form.
fn register(revision: &mut Revision, field: ObjectId) -> Result<(), PdfError> {
    let root = revision.document.root().ok_or_else(|| lost("the catalogue"))?;
    let mut catalog = revision.document.catalog().ok_or_else(|| lost("the catalogue"))?;
    let held = catalog.get(b"AcroForm").ok().cloned();
    let mut form = form_of(revision.document, &catalog).ok_or_else(|| lost("the form"))?;
    let mut fields = fields_of(revision.document, &form).ok_or_else(|| lost("the form"))?;
    fields.push(Object::Reference(field));
    form.set("Fields", Object::Array(fields));
    // 1: signatures exist; 2: the file must only be appended to.
    form.set("SigFlags", Object::Integer(3));
    if let Some(Object::Reference(id)) = held {
        return revision.put(id, &Object::Dictionary(form));
    }
    let id = revision.number();
    catalog.set("AcroForm", Object::Reference(id));
    revision.put(id, &Object::Dictionary(form))?;
    revision.put(root, &Object::Dictionary(catalog))
}

/// The file's form, an empty one where it has none; none where it cannot be read.
pub fn form_of(document: &Base, catalog: &Dictionary) -> Option<Dictionary> {
    match catalog.get(b"AcroForm") {
        Ok(form) => document.resolve(form)?.as_dict().ok().cloned(),
        Err(_) => Some(Dictionary::new()),
    }
}

/// The fields of a form; none where they cannot be read.
pub fn fields_of(document: &Base, form: &Dictionary) -> Option<Vec<Object>> {
    match form.get(b"Fields") {
        Ok(fields) => document.resolve(fields)?.as_array().ok().cloned(),
        Err(_) => Some(Vec::new()),
    }
}

fn field_name(document: &Base) -> Result<String, PdfError> {
    let fields = document.catalog().and_then(|catalog| form_of(document, &catalog));
    let fields = fields
        .and_then(|form| fields_of(document, &form))
        .ok_or_else(|| lost("the form"))?;
    let signatures = fields.iter().filter_map(|field| document.resolve(field));
    let count = signatures.filter(|field| super::found::is_field(field)).count();
    Ok(format!("Seal{}", count + 1))
}

const RANGE_KEY: &str = "/ByteRange ";
/// Three numbers of ten digits, the zero, brackets and spaces.
const RANGE_WIDTH: usize = 40;

/// The dictionary with room for the ranges and the signature, and where the slot stands in it.
fn signature_dictionary(sealing: &Sealing) -> Result<(Vec<u8>, Range<usize>), PdfError> {
    let mut written = format!("<</Type/Sig/Filter/{}/SubFilter/{}", super::FILTER, super::SUB_FILTER).into_bytes();
    for (key, value) in [
        ("Name", sealing.signer),
        ("Reason", sealing.reason),
        ("Location", sealing.location),
    ] {
        if !value.is_empty() {
            written.extend(format!("/{key}").into_bytes());
            Writer::write_object(&mut written, &text(value))?;
        }
    }
    let at = chrono::DateTime::from_timestamp_millis(sealing.at).ok_or(PdfError::Time)?;
    written.extend(format!("/M(D:{})", at.format("%Y%m%d%H%M%SZ")).into_bytes());
    written.extend(format!("{RANGE_KEY}{:RANGE_WIDTH$}/Contents ", "").into_bytes());
    let start = written.len();
    written.push(b'<');
    written.resize(start + 1 + 2 * SLOT, b'0');
    written.push(b'>');
    let slot = start..written.len();
    written.extend(b">>");
    Ok((written, slot))
}

/// Text in UTF-16, which every reader knows.
fn text(value: &str) -> Object {
    let units = std::iter::once(0xfeff).chain(value.encode_utf16());
    Object::String(units.flat_map(u16::to_be_bytes).collect(), StringFormat::Hexadecimal)
}

fn fill_ranges(bytes: &mut [u8], from: usize, ranges: [usize; 4]) -> Result<(), PdfError> {
    let lost = || PdfError::Structure("the ranges have no place".into());
    let key = RANGE_KEY.as_bytes();
    let window = bytes.get(from..ranges[1]).ok_or_else(lost)?;
    let at = window
        .windows(key.len())
        .rposition(|window| window == key)
        .ok_or_else(lost)?;
    let start = from + at + key.len();
    let text = format!("[{} {} {} {}]", ranges[0], ranges[1], ranges[2], ranges[3]);
    let text = format!("{text:<RANGE_WIDTH$}");
    let place = bytes.get_mut(start..start + text.len()).ok_or_else(lost)?;
    place.copy_from_slice(text.as_bytes());
    Ok(())
}
