//! The judgement of a PDF: each signature by its bytes, what stands around it, and what came after it.
//! Must not believe anything that the file says of itself before it is checked.

use lopdf::xref::XrefEntry;
use lopdf::{Document, Object, ObjectId};

use super::appearance::{Area, Sides, Strip, image_of};
use super::found::{Found, Letters, MOST_SIGNATURES, places, read};
use super::judge::{Judge, Stands};
use super::later::Later;
use super::numbers::Numbers;
use super::picture::Picture;
use super::revision::{LARGEST_FILE, load};
use super::sealing::sheet;
use super::slot::{digest, property};
use crate::machine::Time;
use crate::seal::document::{DocumentReport, Kind, SignatureReport};
use crate::seal::report::Report;
use crate::seal::ses::Signature;
use crate::seal::trust::TrustStore;

/// Judges a PDF as of a time. Takes some milliseconds of one core for each signature.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    let mut report = DocumentReport::begin(Some(Kind::Pdf), bytes, at);
    if bytes.len() > LARGEST_FILE {
        report.report.fail("file.format", "too_large", "文件过大");
        return report.conclude();
    }
    let places = places(bytes);
    if places.is_empty() {
        if let Err(error) = load(bytes) {
            report
                .report
                .fail("file.format", "malformed", format!("不是可读取的 PDF：{error}"));
        }
        return report.conclude();
    }
    if places.len() > MOST_SIGNATURES {
        report.report.fail("file.signatures", "too_many", "签名过多");
        return report.conclude();
    }
    let mut signatures: Vec<Sealed> = Vec::new();
    for place in &places {
        match read(bytes, *place) {
            Ok(found) => signatures.push(Sealed::begin(bytes, found)),
            Err(flaw) => report.report.fail("file.signatures", flaw.code, flaw.reason),
        }
    }
    signatures.sort_by_key(|sealed| sealed.found.end());
    for sealed in &mut signatures {
        sealed.judge(bytes, trust, at);
    }
    judge_ends(bytes, &mut signatures, &mut report.report);
    judge_later(bytes, &mut signatures);
    let finished = signatures.into_iter().zip(1..);
    report.signatures = finished.map(|(sealed, number)| sealed.finish(number)).collect();
    report.conclude()
}

/// One signature while it is judged.
struct Sealed {
    found: Found,
    parsed: Option<Signature>,
    /// The file as it was when this signature was made.
    document: Option<Document>,
    name: String,
    report: Report,
}

impl Sealed {
    fn begin(bytes: &[u8], found: Found) -> Self {
        let mut report = Report::default();
        match found.letters {
            Letters::Lower => report.ok("pdf.contents", "签名范围与签名值的写法规范"),
            Letters::Upper => report.warn("pdf.contents", "upper_case", "签名值用大写十六进制书写"),
        }
        let document = bytes.get(..found.end()).map(load);
        let document = match document {
            Some(Ok(document)) => Some(document),
            _ => {
                report.fail("pdf.structure", "malformed", "签章时的文件结构不完整");
                None
            }
        };
        Self {
            found,
            parsed: None,
            document,
            name: String::new(),
            report,
        }
    }

    fn judge(&mut self, bytes: &[u8], trust: &TrustStore, at: Time) {
        if self.found.sub_filter != super::SUB_FILTER {
            let reason = format!("不支持的签名类型 {}", self.found.sub_filter);
            return self.report.fail("pdf.kind", "unsupported", reason);
        }
        let field = self.document.as_ref().and_then(|document| self.field(document));
        match &field {
            Some((name, _)) => {
                self.name.clone_from(name);
                self.report.ok("pdf.field", format!("签章域 {name}"));
            }
            None => self.report.fail("pdf.field", "not_a_field", "签名不属于文件的签章域"),
        }
        let parsed = match Signature::parse(&self.found.der) {
            Ok(parsed) => parsed,
            Err(error) => return self.report.fail("signature.format", error.code(), error.sentence()),
        };
        let digest = digest(bytes, self.found.ranges);
        self.report.append(parsed.verify(trust, digest, at));
        self.judge_property(&parsed);
        if let (Some(document), Some((_, field))) = (&self.document, field) {
            match shows_picture(document, field, &parsed) {
                true => self
                    .report
                    .ok("pdf.appearance", "显示的图片是印章的图片，尺寸与印章一致"),
                false => self.report.fail(
                    "pdf.appearance",
                    "differs",
                    "显示的图片不能确认是印章的图片，或尺寸、位置与印章不符",
                ),
            }
        }
        self.parsed = Some(parsed);
    }

    /// Where the signature itself names the ranges, they are the dictionary's.
    fn judge_property(&mut self, parsed: &Signature) {
        let said = parsed.property();
        if said.starts_with("/ByteRange") && said != property(self.found.ranges) {
            self.report
                .fail("pdf.range", "differs", "签名中记载的范围与文件中的不同");
        }
    }

    /// The name and number of the field whose value is this signature, as the table of its time leads to it.
    fn field(&self, document: &Document) -> Option<(String, ObjectId)> {
        match document.reference_table.get(self.found.id.0)? {
            XrefEntry::Normal { offset, generation } => {
                let here = *offset as usize == self.found.offset && *generation == self.found.id.1;
                here.then_some(())?;
            }
            _ => return None,
        }
        let form = document
            .catalog()
            .ok()?
            .get_deref(b"AcroForm", document)
            .ok()?
            .as_dict()
            .ok()?;
        let fields = form.get_deref(b"Fields", document).ok()?.as_array().ok()?;
        let ids = fields.iter().filter_map(|field| field.as_reference().ok());
        let mut named = ids.filter_map(|id| {
            let field = document.get_dictionary(id).ok()?;
            let value = field.get(b"V").and_then(Object::as_reference).ok()?;
            let name = field.get(b"T").and_then(Object::as_str).unwrap_or_default();
            (value == self.found.id).then(|| (String::from_utf8_lossy(name).chars().take(64).collect(), id))
        });
        named.next()
    }

    fn finish(self, number: usize) -> SignatureReport {
        SignatureReport::of(number, self.name, self.parsed.as_ref(), self.report)
    }
}

/// Every signature ends where the file ended then, the last one where it ends now.
fn judge_ends(bytes: &[u8], signatures: &mut [Sealed], file: &mut Report) {
    let whole = bytes.len();
    let count = signatures.len();
    for (sealed, number) in signatures.iter_mut().zip(1..) {
        let end = sealed.found.end();
        let before = bytes.get(..end).unwrap_or_default();
        let complete = before.trim_ascii_end().ends_with(b"%%EOF") && sealed.document.is_some();
        match complete {
            true => sealed.report.ok("pdf.coverage", format!("签名覆盖文件的前 {end} 字节")),
            false => sealed
                .report
                .fail("pdf.coverage", "incomplete", "签名没有覆盖到一次保存的末尾"),
        }
        if number == count && end < whole {
            let reason = format!("最后一次签章之后文件被修改：追加了 {} 字节", whole - end);
            sealed.report.fail("pdf.revisions", "appended", reason.clone());
            file.fail("file.revisions", "appended", reason);
        }
        if number == count && end == whole {
            sealed.report.ok("pdf.revisions", "此后没有追加内容");
        }
    }
}

/// From the last to the first: what came between one signature and the next is the next one's seal and nothing else.
fn judge_later(bytes: &[u8], signatures: &mut [Sealed]) {
    for index in (1..signatures.len()).rev() {
        let Some((before, after)) = signatures.split_at_mut_checked(index) else {
            return;
        };
        let (Some(before), Some(after)) = (before.last_mut(), after.first()) else {
            return;
        };
        let judged = between(bytes, before, after);
        match judged {
            Ok(stands) if after.report.holds() => {
                before.report.ok("pdf.revisions", "此后只追加了另一签章");
                if stands == Stands::Over {
                    let reason = "此后追加的签章与原有的签章或批注重叠";
                    before.report.warn("pdf.overlap", "overlaps", reason);
                }
            }
            Ok(_) => {
                let reason = "此后追加的签章未通过验证，不能排除改动";
                before.report.fail("pdf.revisions", "next_fails", reason);
            }
            Err(reason) => before.report.fail("pdf.revisions", "altered", reason),
        }
    }
}

fn between(bytes: &[u8], before: &Sealed, after: &Sealed) -> Result<Stands, String> {
    let later = Later::read(bytes, before.found.end(), after.found.end());
    let later = later.map_err(|fault| format!("签章之后追加的内容不是规范的签章（{fault}）"))?;
    let missing = || "签章之后追加的签章不可读取".to_owned();
    let document = before.document.as_ref().ok_or_else(missing)?;
    let seal = after.parsed.as_ref().ok_or_else(missing)?.seal();
    let raw = seal.raw_picture();
    let picture = Picture::decode(&raw.data).map_err(|_| missing())?;
    let numbers = Numbers::of(document).ok_or_else(|| "签章时的文件不是可以追加的形式".to_owned())?;
    let judge = Judge {
        before: document,
        numbers,
        later: &later,
        signature: after.found.id,
        picture: &picture,
        sides: Sides::of(raw.width, raw.height),
    };
    judge.check().map_err(|altered| altered.0.to_owned())
}

/// Whether the field draws the picture of the seal that it was sealed with, in the seal's size, on a page.
fn shows_picture(document: &Document, field: ObjectId, parsed: &Signature) -> bool {
    let shown = || {
        let raw = parsed.seal().raw_picture();
        let picture = Picture::decode(&raw.data).ok()?;
        let dictionary = document.get_dictionary(field).ok()?;
        let area = Area::read(dictionary.get(b"Rect").ok()?)?;
        let page = dictionary.get(b"P").and_then(Object::as_reference).ok()?;
        let annotations = document
            .get_dictionary(page)
            .and_then(|page| page.get_deref(b"Annots", document));
        let listed = annotations
            .and_then(Object::as_array)
            .ok()?
            .contains(&Object::Reference(field));
        let placed = area.is_of(Sides::of(raw.width, raw.height)) && sheet(document, page).ok()?.holds(area);
        let appearance = dictionary.get(b"AP").and_then(Object::as_dict).ok()?.get(b"N").ok()?;
        let form = document.dereference(appearance).ok()?.1.as_stream().ok()?;
        let image = image_of(form, area, Strip::WHOLE)?;
        let image = document.get_object(image).ok()?.as_stream().ok()?;
        let mask = image.dict.get_deref(b"SMask", document).ok()?.as_stream().ok()?;
        Some(listed && placed && picture.is_drawn_by(image, mask))
    };
    shown().unwrap_or(false)
}
