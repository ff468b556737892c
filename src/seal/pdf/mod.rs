//! Seals on PDF: an SES_Signature over a ByteRange, in a revision of its own, and the judgement of such files.
//! Must not sign, read a clock or a file: bytes in, bytes or a report out.
//!
//! A holder's key stands elsewhere, so sealing takes three steps: [`prepare`] gives the digest that goes into the
//! `TBS_Sign`, the holder signs, [`assemble`] puts the finished signature into the slot.

mod appearance;
mod base;
mod edges;
mod found;
mod judge;
mod later;
mod numbers;
mod picture;
mod revision;
mod sealing;
mod slot;
mod strings;
mod syntax;
mod table;
mod verify;

pub use appearance::Sides;
pub use revision::LARGEST_FILE;
pub use sealing::SLOT;
pub use slot::Prepared;
pub use verify::{verify, verify_within};

use self::syntax::Fault;
use crate::seal::work::Work;

/// `/Filter` of our signature dictionaries.
pub const FILTER: &str = "GM.PKILite";
/// `/SubFilter` of GB/T 38540 signatures in PDF.
pub const SUB_FILTER: &str = "GM.sm2seal";

/// Why a PDF could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("the PDF does not parse: {0}")]
    Parse(#[from] Fault),
    #[error("a part of the PDF could not be packed: {0}")]
    Pack(#[from] lopdf::Error),
    #[error("the PDF's structure is not as it should be: {0}")]
    Structure(String),
    #[error("{0} cannot be sealed")]
    Unsupported(&'static str),
    #[error("the seal's place is not on a page")]
    Place,
    #[error("the seal's picture cannot be drawn: {0}")]
    Picture(String),
    #[error("the time cannot be written")]
    Time,
    #[error("the file or the signature is too large")]
    TooLarge,
    #[error("the slot for the signature is taken")]
    Taken,
    #[error("the file could not be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Where the seal is seen, in millimetres from the page's upper left corner to the seal's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Counted from 1.
    pub page: u32,
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
}

/// Whether the seal also stands, cut into strips, over the right edges of all pages (骑缝章).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edges {
    #[default]
    Plain,
    Sealed,
}

/// What is to be sealed, and how it shall look.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// The PDF as it stands, sealed by others before or not.
    pub base: &'a [u8],
    pub place: Place,
    /// PNG with alpha, the seal's own picture: at verification the two are compared.
    pub picture: &'a [u8],
    pub edges: Edges,
    /// Shown by readers beside the seal; empty ones are left out.
    pub signer: &'a str,
    pub reason: &'a str,
    pub location: &'a str,
    /// Milliseconds since 1970 UTC; the same as in the signature.
    pub at: i64,
}

/// Appends a revision with the seal and an empty slot. The same request gives the same bytes.
///
/// # Errors
/// A file that is damaged, encrypted or of a kind that cannot be appended to, a place off the page, a picture that is no PNG.
pub fn prepare(sealing: &Sealing) -> Result<Prepared, PdfError> {
    sealing::prepare(sealing)
}

/// Puts the finished SES_Signature into the slot.
///
/// # Errors
/// A slot that is taken, a signature larger than the slot.
pub fn assemble(prepared: &Prepared, ses_der: &[u8]) -> Result<Vec<u8>, PdfError> {
    prepared.assemble(ses_der)
}

/// How many pages a PDF has, for places counted from the end.
///
/// # Errors
/// A file that is damaged or encrypted.
pub fn pages(bytes: &[u8]) -> Result<u32, PdfError> {
    let work = Work::default();
    let base = revision::load(bytes, &work)?;
    let pages = base
        .pages()
        .ok_or_else(|| PdfError::Structure("the pages are no tree".into()))?;
    u32::try_from(pages.len()).map_err(|_| PdfError::TooLarge)
}
