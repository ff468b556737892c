//! How a seal shows: a form that draws the one picture into a box, whole or as one strip of it over a page's edge.
//! Must not know revisions or signatures. The same shapes are written and, at verification, asked for.

use lopdf::{Dictionary, Object, ObjectId, Stream};

/// Points a millimetre.
const POINTS: f64 = 72.0 / 25.4;

/// How large a seal is drawn, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides {
    pub width_mm: f64,
    pub height_mm: f64,
}

impl Sides {
    /// As large as its maker says, within what fits a signature place: official round seals have 42 mm at most.
    #[must_use]
    pub fn of(width_mm: u32, height_mm: u32) -> Self {
        const SMALLEST: u32 = 10;
        const LARGEST: u32 = 60;
        let side = |size: u32| f64::from(size.clamp(SMALLEST, LARGEST));
        Self {
            width_mm: side(width_mm),
            height_mm: side(height_mm),
        }
    }
}

/// A box on a page, in points from the lower left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub bottom: f64,
    pub right: f64,
    pub top: f64,
}

impl Area {
    /// A box whose upper left corner and size are given in millimetres from the page's upper left corner.
    pub fn on(page: Self, x_mm: f64, y_mm: f64, width_mm: f64, height_mm: f64) -> Self {
        let (left, top) = (page.left + x_mm * POINTS, page.top - y_mm * POINTS);
        Self {
            left,
            top,
            right: left + width_mm * POINTS,
            bottom: top - height_mm * POINTS,
        }
        .rounded()
    }

    /// To a thousandth of a point, so that what is computed from a box is the same after it was written and read.
    fn rounded(self) -> Self {
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Self {
            left: round(self.left),
            bottom: round(self.bottom),
            right: round(self.right),
            top: round(self.top),
        }
    }

    /// Whether the other box lies within this one; half a point is forgiven.
    pub fn holds(self, other: Self) -> bool {
        let (left, bottom) = (self.left - 0.5, self.bottom - 0.5);
        other.left >= left && other.bottom >= bottom && other.right <= self.right + 0.5 && other.top <= self.top + 0.5
    }

    /// Whether both boxes share a part of the page.
    pub fn meets(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.bottom < other.top && other.bottom < self.top
    }

    /// Whether the box is as large as the seal, to a hundredth of a point.
    pub fn is_of(self, sides: Sides) -> bool {
        let same = |length: f64, millimetres: f64| (length - millimetres * POINTS).abs() < 0.01;
        same(self.width(), sides.width_mm) && same(self.height(), sides.height_mm)
    }

    /// Width and height in millimetres.
    pub fn millimetres(self) -> (f64, f64) {
        (self.width() / POINTS, self.height() / POINTS)
    }

    pub fn width(self) -> f64 {
        self.right - self.left
    }

    pub fn height(self) -> f64 {
        self.top - self.bottom
    }

    pub fn object(self) -> Object {
        Object::Array([self.left, self.bottom, self.right, self.top].map(real).to_vec())
    }

    /// Reads four numbers, in either order of the corners.
    pub fn read(object: &Object) -> Option<Self> {
        let numbers: Vec<f64> = object
            .as_array()
            .ok()?
            .iter()
            .map(|number| number.as_float().ok().map(f64::from))
            .collect::<Option<_>>()?;
        match *numbers.as_slice() {
            [a, b, c, d] => {
                let area = Self {
                    left: a.min(c),
                    bottom: b.min(d),
                    right: a.max(c),
                    top: b.max(d),
                };
                Some(area.rounded())
            }
            _ => None,
        }
    }
}

/// A length as PDF writes it, to a thousandth of a point.
fn real(value: f64) -> Object {
    #[expect(clippy::cast_possible_truncation, reason = "lengths on paper need six digits")]
    let value = ((value * 1_000.0).round() / 1_000.0) as f32;
    Object::Real(value)
}

/// One strip of the picture: number `index` of `count`, counted from the left; the whole is strip 0 of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strip {
    pub index: u32,
    pub count: u32,
}

impl Strip {
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// What a form's content says: the picture as wide as all strips, shifted so that only this strip falls into the box.
pub fn content(area: Area, strip: Strip) -> String {
    let shift = area.width() * f64::from(strip.index);
    let whole = area.width() * f64::from(strip.count);
    format!("q {whole:.3} 0 0 {:.3} {:.3} 0 cm /Seal Do Q", area.height(), -shift)
}

/// The form that draws a strip of the picture `image` into a box of this area's size.
pub fn form(area: Area, strip: Strip, image: ObjectId) -> Stream {
    let mut pictures = Dictionary::new();
    pictures.set("Seal", Object::Reference(image));
    let mut resources = Dictionary::new();
    resources.set("XObject", Object::Dictionary(pictures));
    let mut form = Dictionary::new();
    form.set("Type", Object::Name(b"XObject".to_vec()));
    form.set("Subtype", Object::Name(b"Form".to_vec()));
    form.set(
        "BBox",
        Object::Array([0.0, 0.0, area.width(), area.height()].map(real).to_vec()),
    );
    form.set("Resources", Object::Dictionary(resources));
    Stream::new(form, content(area, strip).into_bytes())
}

/// The image a form draws, where the form is exactly one that `form` would write for this box and strip.
pub fn image_of(form_read: &Stream, area: Area, strip: Strip) -> Option<ObjectId> {
    let resources = form_read.dict.get(b"Resources").and_then(Object::as_dict).ok()?;
    let pictures = resources.get(b"XObject").and_then(Object::as_dict).ok()?;
    let image = pictures.get(b"Seal").and_then(Object::as_reference).ok()?;
    let wanted = form(area, strip, image);
    (wanted.dict == form_read.dict && wanted.content == form_read.content).then_some(image)
}
