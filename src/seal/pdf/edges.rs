//! Where the strips of a seal over the edges stand (骑缝章): one on each page, at places that follow from the file alone.
//! Must not write anything. What is sealed and what is judged ask here for the same places.

use std::collections::BTreeMap;

use lopdf::ObjectId;

use super::PdfError;
use super::appearance::{Area, Sides, Strip};
use super::base::Base;
use super::sealing::sheet;

/// As many strips as a seal is cut into at most; more pages begin anew.
const MOST_STRIPS: usize = 20;
/// Free room between the strips of two seals, in millimetres.
const APART: f64 = 3.0;
/// Heights at which strips may stand, from the middle of the edge: there, below, above, and so on.
const HEIGHTS: [f64; 5] = [0.0, 1.0, -1.0, 2.0, -2.0];

/// One strip and its box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub strip: Strip,
    pub area: Area,
}

/// The strips of one seal over all pages.
#[derive(Clone, Debug)]
pub struct Edge {
    placed: BTreeMap<ObjectId, Placed>,
}

impl Edge {
    /// Stands at the first height where nothing was before; in the middle where there is none.
    ///
    /// # Errors
    /// A page without a size, a turned one, a tree of pages that is none.
    pub fn of(base: &Base, sides: Sides) -> Result<Self, PdfError> {
        let pages = base
            .pages()
            .ok_or_else(|| PdfError::Structure("the pages are no tree".into()))?;
        let mut sheets = Vec::with_capacity(pages.len());
        for page in &pages {
            sheets.push((*page, sheet(base, *page)?, taken(base, *page)));
        }
        let mut middle = None;
        for height in HEIGHTS {
            let edge = Self::at(&sheets, sides, height * (sides.height_mm + APART));
            let free = |(page, sheet, taken): &(ObjectId, Area, Vec<Area>)| {
                let placed = edge.on(*page);
                placed.is_some_and(|one| sheet.holds(one.area) && !taken.iter().any(|other| other.meets(one.area)))
            };
            if sheets.iter().all(free) {
                return Ok(edge);
            }
            middle.get_or_insert(edge);
        }
        middle.ok_or_else(|| PdfError::Structure("no place at the edge".into()))
    }

    fn at(sheets: &[(ObjectId, Area, Vec<Area>)], sides: Sides, lower_mm: f64) -> Self {
        let most = sheets.len().div_ceil(sheets.len().div_ceil(MOST_STRIPS).max(1)).max(1);
        let mut placed = BTreeMap::new();
        for group in sheets.chunks(most) {
            let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
            for ((page, sheet, _), index) in group.iter().zip(0..count) {
                let width = sides.width_mm / f64::from(count);
                let (across, down) = sheet.millimetres();
                let down = (down - sides.height_mm) / 2.0 + lower_mm;
                let area = Area::on(*sheet, across - width, down, width, sides.height_mm);
                let strip = Strip { index, count };
                placed.insert(*page, Placed { strip, area });
            }
        }
        Self { placed }
    }

    pub fn on(&self, page: ObjectId) -> Option<Placed> {
        self.placed.get(&page).copied()
    }

    /// How many pages there are.
    pub fn len(&self) -> usize {
        self.placed.len()
    }
}

/// The boxes of what lies on a page already.
pub fn taken(base: &Base, page: ObjectId) -> Vec<Area> {
    let list = base.dictionary(page).and_then(|page| base.value(&page, b"Annots"));
    let list = list.as_deref().and_then(|list| list.as_array().ok());
    let boxes = list.into_iter().flatten().filter_map(|annotation| {
        let annotation = base.resolve(annotation)?;
        Area::read(&*base.value(annotation.as_dict().ok()?, b"Rect")?)
    });
    boxes.collect()
}
