//! What other signatures of a package may have added after one: their own files and their seals, in the seals' own size.
//! Must not judge the signatures themselves.

use std::collections::BTreeMap;

use super::description::Stamp;

/// How much larger than the seal a box may be, in millimetres: writers round.
const ROUNDING: f64 = 1.0;
/// Times that one seal may show on one page: the seal itself, and its part over the edge.
const MOST_A_PAGE: usize = 2;

/// Why a seal that was added is more than a seal. For people.
pub type Altered = &'static str;

/// Whether these boxes show a seal of this size in millimetres, and not a page.
///
/// # Errors
/// A box without measures, one that is larger than the seal, more on one page than a seal and its part over the edge.
pub fn check(stamps: &[Stamp], width: u32, height: u32) -> Result<(), Altered> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for stamp in stamps {
        let Some([_, _, across, down]) = stamp.boundary else {
            return Err("签章的位置没有写明");
        };
        let fits = |length: f64, side: u32| length > 0.0 && length <= f64::from(side) + ROUNDING;
        if !fits(across, width) || !fits(down, height) {
            return Err("签章的显示范围大于印章的尺寸");
        }
        let count = counts.entry(stamp.page.as_str()).or_default();
        *count += 1;
        if *count > MOST_A_PAGE {
            return Err("同一页上重复显示签章");
        }
    }
    Ok(())
}

/// Whether two seals share a part of a page.
pub fn meet(one: &[Stamp], other: &[Stamp]) -> bool {
    let over = |a: &Stamp, b: &Stamp| match (a.boundary, b.boundary) {
        (Some([ax, ay, aw, ah]), Some([bx, by, bw, bh])) if a.page == b.page => {
            ax < bx + bw && bx < ax + aw && ay < by + bh && by < ay + ah
        }
        _ => false,
    };
    one.iter().any(|a| other.iter().any(|b| over(a, b)))
}
