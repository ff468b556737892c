//! From a document and a seal to the bytes that the holder signs. Must not keep anything.

use crate::machine::Time;
use crate::seal::pdf::{self, Edges, PdfError, Place};
use crate::seal::ses::{Seal, ToSign};

use super::Fault;

/// Where the template lets a role seal: the middle of the place, in micrometres from the page's upper left corner.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealPlace {
    pub role: String,
    /// Counted from 1.
    pub page: u32,
    pub x: i64,
    pub y: i64,
}

/// What is to be sealed, by whom and where.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The PDF as it stands, with the seals of others or without.
    pub base: &'a [u8],
    pub seal: &'a Seal,
    /// None: at the foot of the last page.
    pub place: Option<&'a SealPlace>,
    pub edges: Edges,
    pub reason: &'a str,
    pub at: Time,
}

/// A file that waits for its signature, and what is signed.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub file: Vec<u8>,
    /// TBS_Sign.
    pub to_sign: Vec<u8>,
}

/// Prepares a file for sealing. The same order gives the same bytes.
///
/// # Errors
/// `seal_picture` for a picture that cannot be drawn, `document_unfit` for a file that cannot be sealed.
pub fn prepare(order: &Order<'_>) -> Result<Prepared, Fault> {
    let picture = order.seal.raw_picture();
    // A signature's time has whole seconds.
    let at = Time(order.at.0 - order.at.0.rem_euclid(1_000));
    let prepared = pdf::prepare(&pdf::Sealing {
        base: order.base,
        place: place(order, (picture.width, picture.height))?,
        picture: &picture.data,
        edges: order.edges,
        signer: order.seal.name(),
        reason: order.reason,
        location: "",
        at: at.0,
    })
    .map_err(|error| unfit(&error))?;
    let to_sign = ToSign {
        seal: order.seal,
        time: at,
        data_hash: prepared.digest,
        property: &prepared.property(),
    };
    Ok(Prepared {
        to_sign: to_sign.to_der(),
        file: prepared.bytes,
    })
}

/// Goes through all that sealing takes short of the signature, on a blank sheet: a seal that cannot be drawn is found out now.
///
/// # Errors
/// As [`prepare`].
pub fn rehearse(seal: &Seal, at: Time) -> Result<(), Fault> {
    let order = Order {
        base: BLANK,
        seal,
        place: None,
        edges: Edges::Plain,
        reason: "试签",
        at,
    };
    prepare(&order).map(|_| ())
}

/// One empty page of A4.
const BLANK: &[u8] = b"%PDF-1.7
1 0 obj
<</Type/Catalog/Pages 2 0 R>>
endobj
2 0 obj
<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 595.2756 841.8898]>>
endobj
3 0 obj
<</Type/Page/Parent 2 0 R/Resources<<>>>>
endobj
xref
0 4
0000000000 65535 f 
0000000009 00000 n 
0000000054 00000 n 
0000000137 00000 n 
trailer
<</Size 4/Root 1 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]>>
startxref
194
%%EOF
";

fn place(order: &Order<'_>, (width, height): (u32, u32)) -> Result<Place, Fault> {
    let pdf::Sides { width_mm, height_mm } = pdf::Sides::of(width, height);
    let millimetres = |micrometres: i64| f64::from(i32::try_from(micrometres).unwrap_or(0)) / 1_000.0;
    let (page, x, y) = match order.place {
        Some(place) => (place.page, millimetres(place.x), millimetres(place.y)),
        None => (pdf::pages(order.base).map_err(|error| unfit(&error))?, 150.0, 235.0),
    };
    Ok(Place {
        page,
        x_mm: (x - width_mm / 2.0).max(0.0),
        y_mm: (y - height_mm / 2.0).max(0.0),
        width_mm,
        height_mm,
    })
}

fn unfit(error: &PdfError) -> Fault {
    match error {
        PdfError::Picture(why) => Fault::new("seal_picture", format!("印章图形无法使用：{why}")),
        other => Fault::new("document_unfit", format!("文书无法签章：{other}")),
    }
}
