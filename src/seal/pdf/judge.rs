//! Whether a revision after a signature adds one seal in the form in which we write it, or is a change.
//! Must not give the benefit of the doubt: whatever is not explained by the next seal counts as altered.

use std::collections::{BTreeMap, BTreeSet};

use lopdf::{Dictionary, Object, ObjectId, Stream};

use super::appearance::{Area, Sides, Strip, image_of};
use super::base::Base;
use super::edges::{Edge, taken};
use super::later::Later;
use super::numbers::Numbers;
use super::picture::Picture;
use super::revision::first_identity;
use super::sealing::{FIELD_FLAGS, STRIP_FLAGS, fields_of, form_of, sheet};

/// Why what follows a signature is more than the next seal. For people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Altered(pub &'static str);

type Judged<T> = Result<T, Altered>;

/// What a signature dictionary of a later seal may say.
const SIGNATURE_KEYS: [&[u8]; 9] = [
    b"Type",
    b"Filter",
    b"SubFilter",
    b"Name",
    b"Reason",
    b"Location",
    b"M",
    b"ByteRange",
    b"Contents",
];

/// Where the added seal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Free,
    /// Over something that was seen there before: a seal, a field, a note.
    Over,
}

/// One page's annotations that a revision adds.
type Added = BTreeMap<ObjectId, Vec<ObjectId>>;

/// Judges a revision against the document before it.
pub struct Judge<'a> {
    pub before: &'a Base<'a>,
    pub numbers: Numbers<'a>,
    pub later: &'a Later,
    /// The signature that the revision brings.
    pub signature: ObjectId,
    /// The picture of the seal in that signature.
    pub picture: &'a Picture,
    /// How large that seal is drawn.
    pub sides: Sides,
}

impl Judge<'_> {
    /// # Errors
    /// What is more than one seal.
    pub fn check(&self) -> Judged<Stands> {
        self.trailer()?;
        self.check_numbers()?;
        let field = self.field()?;
        let mut explained = BTreeSet::from([self.signature, field]);
        explained.extend(self.form(field)?);
        let added = self.pages(&mut explained)?;
        let edge = match added.values().flatten().any(|id| *id != field) {
            true => Some(self.edge()?),
            false => None,
        };
        let (mut images, mut areas) = (BTreeSet::new(), BTreeMap::new());
        for (page, annotations) in &added {
            for annotation in annotations {
                let (area, shown, image) = self.annotation((*page, *annotation), field, edge.as_ref())?;
                explained.extend([*annotation, shown]);
                images.insert(image);
                areas.insert((*page, *annotation), area);
            }
        }
        let places = added.values().flatten().filter(|id| **id == field).count();
        if places != 1 || images.len() != 1 {
            return Err(Altered("签章域没有恰好出现一次"));
        }
        for image in images {
            explained.extend(self.picture(image)?);
        }
        if !self.later.objects.keys().all(|id| explained.contains(id)) {
            return Err(Altered("签章之后追加了签章以外的内容"));
        }
        if edge.is_some_and(|edge| !stands_on(&edge, &areas, field)) {
            return Err(Altered("追加的骑缝章不是每页一条，或不在规定的位置"));
        }
        Ok(self.stands(&areas))
    }

    fn trailer(&self) -> Judged<()> {
        let (old, new) = (&self.before.table.trailer, &self.later.trailer);
        let keys: [&[u8]; 5] = [b"Size", b"Root", b"Info", b"ID", b"Prev"];
        let known = new.iter().all(|(key, _)| keys.contains(&key.as_slice()));
        let same = |key: &[u8]| old.get(key).ok() == new.get(key).ok();
        let before = new.get(b"Prev").and_then(Object::as_i64).ok();
        let linked = before.and_then(|at| usize::try_from(at).ok()) == Some(self.before.table.start);
        match known && linked && same(b"Root") && same(b"Info") && first_identity(old) == first_identity(new) {
            true => Ok(()),
            false => Err(Altered("签章之后换掉了文件的根")),
        }
    }

    /// Readers differ in what a number means that is used twice, was freed, or lies beyond the size: none of these here.
    fn check_numbers(&self) -> Judged<()> {
        let numbers = &self.numbers;
        let mut size = numbers.next;
        for id in self.later.objects.keys() {
            if !numbers.is_new(*id) && !numbers.is_in_use(*id) {
                return Err(Altered("签章之后另用了文件中已有的对象编号"));
            }
            size = size.max(id.0.saturating_add(1));
        }
        match self.later.trailer.get(b"Size").and_then(Object::as_i64) {
            Ok(said) if said == i64::from(size) => Ok(()),
            _ => Err(Altered("签章之后记载的对象数不对")),
        }
    }

    /// An object that is new in this revision.
    fn added(&self, id: ObjectId) -> Judged<&Object> {
        let object = self.later.objects.get(&id).filter(|_| self.numbers.is_new(id));
        object.ok_or(Altered("签章的组成部分不是新增的"))
    }

    fn new_dictionary(&self, id: ObjectId) -> Judged<&Dictionary> {
        self.added(id)?.as_dict().map_err(|_| Altered("签章的组成部分类型不对"))
    }

    fn new_stream(&self, id: ObjectId) -> Judged<&Stream> {
        self.added(id)?
            .as_stream()
            .map_err(|_| Altered("签章的组成部分类型不对"))
    }

    /// The one field of the revision whose value is the signature.
    fn field(&self) -> Judged<ObjectId> {
        let fields: Vec<_> = self
            .later
            .objects
            .iter()
            .filter(|(_, object)| super::found::is_field(object))
            .collect();
        let [(id, object)] = fields.as_slice() else {
            return Err(Altered("一次追加中没有恰好一个签章域"));
        };
        let value = object
            .as_dict()
            .and_then(|field| field.get(b"V"))
            .and_then(Object::as_reference);
        self.named(self.new_dictionary(**id)?)?;
        let signature = self.new_dictionary(self.signature)?;
        let known = signature
            .iter()
            .all(|(key, _)| SIGNATURE_KEYS.contains(&key.as_slice()));
        match known && value.is_ok_and(|value| value == self.signature) {
            true => Ok(**id),
            false => Err(Altered("签章域不指向这一签名，或签名字典不是签章的形式")),
        }
    }

    /// The field has a name of its own: two of one name are one field to a reader.
    fn named(&self, field: &Dictionary) -> Judged<()> {
        const NAME: Altered = Altered("签章域没有自己的名称");
        let name = field.get(b"T").and_then(Object::as_str).map_err(|_| NAME)?;
        let form = self.before.catalog().and_then(|catalog| form_of(self.before, &catalog));
        let fields = form.and_then(|form| fields_of(self.before, &form)).ok_or(NAME)?;
        let taken = fields
            .iter()
            .filter_map(|field| self.before.resolve(field))
            .any(|field| {
                let other = field.as_dict().and_then(|field| field.get(b"T"));
                other.and_then(Object::as_str).is_ok_and(|other| other == name)
            });
        match name.is_empty() || name.contains(&b'.') || taken {
            true => Err(NAME),
            false => Ok(()),
        }
    }

    /// The form is the old one with one more field; the catalogue is the old one but for the form.
    fn form(&self, field: ObjectId) -> Judged<Vec<ObjectId>> {
        const CHANGED: Altered = Altered("签章之后改动了文件目录或表单");
        let root = self.before.root().ok_or(CHANGED)?;
        let old_catalog = &self.before.catalog().ok_or(CHANGED)?;
        let mut explained = Vec::new();
        let new_catalog = match self.later.objects.get(&root) {
            Some(catalog) => {
                explained.push(root);
                catalog.as_dict().map_err(|_| CHANGED)?
            }
            None => old_catalog,
        };
        if without(new_catalog, &[b"AcroForm"]) != without(old_catalog, &[b"AcroForm"]) {
            return Err(CHANGED);
        }
        let id = new_catalog
            .get(b"AcroForm")
            .and_then(Object::as_reference)
            .map_err(|_| CHANGED)?;
        let held = old_catalog.get(b"AcroForm").and_then(Object::as_reference).ok();
        if held.map_or(!self.numbers.is_new(id), |held| held != id) {
            return Err(CHANGED);
        }
        explained.push(id);
        let new = self
            .later
            .objects
            .get(&id)
            .and_then(|form| form.as_dict().ok())
            .ok_or(CHANGED)?;
        let own: [&[u8]; 2] = [b"Fields", b"SigFlags"];
        let old = &form_of(self.before, old_catalog).ok_or(CHANGED)?;
        let mut fields = fields_of(self.before, old).ok_or(CHANGED)?;
        fields.push(Object::Reference(field));
        // 1: signatures exist; 2: the file must only be appended to.
        let flags = new.get(b"SigFlags").is_ok_and(|flags| *flags == Object::Integer(3));
        let same = flags && without(new, &own) == without(old, &own);
        match same && new.get(b"Fields").is_ok_and(|found| *found == Object::Array(fields)) {
            true => Ok(explained),
            false => Err(CHANGED),
        }
    }

    /// Every changed object is a page, or a page's list, with annotations added at its end.
    fn pages(&self, explained: &mut BTreeSet<ObjectId>) -> Judged<Added> {
        const CHANGED: Altered = Altered("签章之后改动了页面");
        let mut added = Added::new();
        for page in self.before.pages().ok_or(CHANGED)? {
            let old = &self.before.dictionary(page).ok_or(CHANGED)?;
            let new = match self.later.objects.get(&page) {
                Some(new) => new.as_dict().map_err(|_| CHANGED)?,
                None => old,
            };
            if without(old, &[b"Annots"]) != without(new, &[b"Annots"]) {
                return Err(CHANGED);
            }
            let list = old.get(b"Annots").and_then(Object::as_reference).ok();
            let held = match old.get(b"Annots") {
                Ok(held) => Some(self.before.resolve(held).ok_or(CHANGED)?),
                Err(_) => None,
            };
            let before = match held.as_deref() {
                Some(held) => held.as_array().map_err(|_| CHANGED)?.as_slice(),
                None => &[],
            };
            let after = match (new.get(b"Annots"), list) {
                (Ok(Object::Reference(id)), Some(list)) if *id == list => match self.later.objects.get(id) {
                    Some(object) => object.as_array().map_err(|_| CHANGED)?,
                    None => before,
                },
                (Ok(Object::Array(own)), None) => own,
                (Err(_), None) => before,
                _ => return Err(CHANGED),
            };
            let new = after.strip_prefix(before).ok_or(CHANGED)?;
            let new = new.iter().map(|object| object.as_reference().map_err(|_| CHANGED));
            added.insert(page, new.collect::<Judged<_>>()?);
            explained.insert(page);
            explained.extend(list);
        }
        Ok(added)
    }

    /// The place, the form and the image of a new annotation: the field itself, or a strip of the same seal.
    fn annotation(
        &self,
        (page, id): (ObjectId, ObjectId),
        field: ObjectId,
        edge: Option<&Edge>,
    ) -> Judged<(Area, ObjectId, ObjectId)> {
        const SHAPE: Altered = Altered("追加的批注不是签章的形式");
        let annotation = self.new_dictionary(id)?;
        let (kind, flags, own): (&[u8], i64, &[&[u8]]) = match id == field {
            true => (b"Widget", FIELD_FLAGS, &[b"FT", b"T", b"V"]),
            false => (b"Stamp", STRIP_FLAGS, &[]),
        };
        let area = annotation.get(b"Rect").ok().and_then(Area::read).ok_or(SHAPE)?;
        let shown = annotation
            .get(b"AP")
            .and_then(Object::as_dict)
            .and_then(|shown| shown.get(b"N"));
        let shown = shown.and_then(Object::as_reference).map_err(|_| SHAPE)?;
        let mut wanted = Dictionary::new();
        wanted.set("N", Object::Reference(shown));
        let wanted = [
            ("Type", Object::Name(b"Annot".to_vec())),
            ("Subtype", Object::Name(kind.to_vec())),
            ("P", Object::Reference(page)),
            ("Rect", area.object()),
            ("F", Object::Integer(flags)),
            ("AP", Object::Dictionary(wanted)),
        ];
        let wanted: Dictionary = wanted.into_iter().collect();
        if without(annotation, own) != wanted {
            return Err(SHAPE);
        }
        let strip = match id == field {
            true => self.whole(page, area)?,
            false => edge.and_then(|edge| edge.on(page)).ok_or(SHAPE)?.strip,
        };
        let image = image_of(self.new_stream(shown)?, area, strip);
        Ok((area, shown, image.ok_or(SHAPE)?))
    }

    /// The seal itself has its own size and lies on the page.
    fn whole(&self, page: ObjectId, area: Area) -> Judged<Strip> {
        let sheet = sheet(self.before, page).map_err(|_| Altered("追加签章的页面没有可用的尺寸"))?;
        match area.is_of(self.sides) && sheet.holds(area) {
            true => Ok(Strip::WHOLE),
            false => Err(Altered("追加的签章与其印章的尺寸不符，或不在页面之内")),
        }
    }

    fn edge(&self) -> Judged<Edge> {
        Edge::of(self.before, self.sides).map_err(|_| Altered("追加签章的页面不能加盖骑缝章"))
    }

    fn stands(&self, areas: &BTreeMap<(ObjectId, ObjectId), Area>) -> Stands {
        let over = |(page, area): (ObjectId, &Area)| taken(self.before, page).iter().any(|other| other.meets(*area));
        match areas.iter().any(|((page, _), area)| over((*page, area))) {
            true => Stands::Over,
            false => Stands::Free,
        }
    }

    /// The image draws the seal's own picture, so that nothing else can be laid over a page.
    fn picture(&self, image: ObjectId) -> Judged<[ObjectId; 2]> {
        let stream = self.new_stream(image)?;
        let mask = stream.dict.get(b"SMask").and_then(Object::as_reference);
        let mask = mask.map_err(|_| Altered("签章图片没有透明层"))?;
        match self.picture.is_drawn_by(stream, self.new_stream(mask)?) {
            true => Ok([image, mask]),
            false => Err(Altered("追加的图片不是其印章的图片")),
        }
    }
}

/// Whether there is one strip on each page, where we put it.
fn stands_on(edge: &Edge, areas: &BTreeMap<(ObjectId, ObjectId), Area>, field: ObjectId) -> bool {
    let strips: Vec<_> = areas.iter().filter(|((_, id), _)| *id != field).collect();
    let pages: BTreeSet<_> = strips.iter().map(|((page, _), _)| *page).collect();
    let mut placed = strips
        .iter()
        .map(|((page, _), area)| edge.on(*page).is_some_and(|wanted| wanted.area == **area));
    strips.len() == edge.len() && pages.len() == strips.len() && placed.all(|right| right)
}

fn without(dictionary: &Dictionary, keys: &[&[u8]]) -> Dictionary {
    let mut rest = dictionary.clone();
    for key in keys {
        rest.remove(key);
    }
    rest
}
