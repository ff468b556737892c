//! The judgement of a PDF: each signature by its bytes, what stands around it, and what came after it.
//! Must not believe anything that the file says of itself before it is checked.

use lopdf::{Object, ObjectId};

use super::appearance::{Area, Sides, Strip, image_of};
use super::base::Base;
use super::found::{Found, Letters, MOST_SIGNATURES, places, read};
use super::judge::{Judge, Stands};
use super::later::Later;
use super::numbers::Numbers;
use super::picture::Picture;
use super::revision::{LARGEST_FILE, load};
use super::sealing::{fields_of, form_of, sheet};
use super::slot::{digest as digest_of, property};
use super::table::Entry;
use crate::machine::Time;
use crate::seal::document::{DocumentReport, Kind, SignatureReport};
use crate::seal::report::Report;
use crate::seal::ses::Signature;
use crate::seal::trust::TrustStore;
use crate::seal::work::Work;

/// Judges a PDF as of a time. Takes some milliseconds of one core for each signature.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    verify_within(bytes, trust, at, &Work::default())
}

/// Judges a PDF as [`verify`] does, with so much work and no more.
#[must_use]
pub fn verify_within(bytes: &[u8], trust: &TrustStore, at: Time, work: &Work) -> DocumentReport {
    let mut report = DocumentReport::begin(Some(Kind::Pdf), bytes, at);
    if bytes.len() > LARGEST_FILE {
        report.report.fail("file.format", "too_large", "文件过大");
        return report.conclude();
    }
    let places = match work.take(bytes.len()) {
        Ok(()) => places(bytes),
        Err(_) => Vec::new(),
    };
    match places.len() {
        0 => {
            if let Err(error) = load(bytes, work) {
                let reason = format!("不是可读取的 PDF：{error}");
                report.report.fail("file.format", "malformed", reason);
            }
        }
        1..=MOST_SIGNATURES => judge(bytes, &places, (trust, at, work), &mut report),
        _ => report.report.fail("file.signatures", "too_many", "签名过多"),
    }
    if work.is_exhausted() {
        report.report.fail("file.work", "exhausted", "验证所需的计算量超出上限");
    }
    report.conclude()
}

fn judge(bytes: &[u8], places: &[usize], (trust, at, work): (&TrustStore, Time, &Work), report: &mut DocumentReport) {
    let mut signatures: Vec<Sealed> = Vec::new();
    for place in places {
        match read(bytes, *place, work) {
            Ok(found) => signatures.push(Sealed::begin(found)),
            Err(flaw) => report.report.fail("file.signatures", flaw.code, flaw.reason),
        }
    }
    signatures.sort_by_key(|sealed| sealed.found.end());
    let mut between: Vec<Result<Stands, String>> = Vec::new();
    for index in 0..signatures.len() {
        let Some((sealed, after)) = signatures.get_mut(index..).and_then(<[Sealed]>::split_first_mut) else {
            break;
        };
        // The file as it was when this signature was made; dropped before the next one is looked at.
        let base = bytes.get(..sealed.found.end()).map(|then| load(then, work));
        let base = base.and_then(Result::ok);
        sealed.judge(bytes, base.as_ref(), (trust, at, work));
        judge_end(bytes, sealed, base.is_some());
        if let Some(after) = after.first() {
            between.push(added(bytes, base.as_ref(), sealed.found.end(), after));
        }
    }
    judge_whole(bytes, &mut signatures, &mut report.report);
    judge_later(&mut signatures, between);
    let finished = signatures.into_iter().zip(1..);
    report.signatures = finished.map(|(sealed, number)| sealed.finish(number)).collect();
}

/// One signature while it is judged.
struct Sealed {
    found: Found,
    parsed: Option<Signature>,
    name: String,
    report: Report,
}

impl Sealed {
    fn begin(found: Found) -> Self {
        let mut report = Report::default();
        match found.letters {
            Letters::Lower => report.ok("pdf.contents", "签名范围与签名值的写法规范"),
            Letters::Upper => report.warn("pdf.contents", "upper_case", "签名值用大写十六进制书写"),
        }
        let mut sealed = Self {
            found,
            parsed: None,
            name: String::new(),
            report,
        };
        if sealed.found.sub_filter != super::SUB_FILTER {
            let reason = format!("不支持的签名类型 {}", sealed.found.sub_filter);
            sealed.report.fail("pdf.kind", "unsupported", reason);
            return sealed;
        }
        match Signature::parse(&sealed.found.der) {
            Ok(parsed) => sealed.parsed = Some(parsed),
            Err(error) => sealed.report.fail("signature.format", error.code(), error.sentence()),
        }
        sealed
    }

    fn judge(&mut self, bytes: &[u8], base: Option<&Base>, (trust, at, work): (&TrustStore, Time, &Work)) {
        if base.is_none() {
            self.report.fail("pdf.structure", "malformed", "签章时的文件结构不完整");
        }
        let Some(parsed) = self.parsed.take() else { return };
        let field = base.and_then(|base| self.field(base));
        match &field {
            Some((name, _)) => {
                self.name.clone_from(name);
                self.report.ok("pdf.field", format!("签章域 {name}"));
            }
            None => self.report.fail("pdf.field", "not_a_field", "签名不属于文件的签章域"),
        }
        let [_, first, _, last] = self.found.ranges;
        let digest = work.take(first.saturating_add(last)).ok();
        let digest = digest.and_then(|()| digest_of(bytes, self.found.ranges));
        self.report.append(parsed.verify(trust, digest, at));
        self.judge_property(&parsed);
        if let (Some(base), Some((_, field))) = (base, field) {
            match shows_picture(base, field, &parsed) {
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
    fn field(&self, base: &Base) -> Option<(String, ObjectId)> {
        let here = Entry::At {
            offset: self.found.offset,
            generation: self.found.id.1,
        };
        (*base.table.entries.get(&self.found.id.0)? == here).then_some(())?;
        let form = form_of(base, &base.catalog()?)?;
        let fields = fields_of(base, &form)?;
        let ids = fields.iter().filter_map(|field| field.as_reference().ok());
        let mut named = ids.filter_map(|id| {
            let field = base.dictionary(id)?;
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

/// A signature ends where the file ended then.
fn judge_end(bytes: &[u8], sealed: &mut Sealed, readable: bool) {
    let end = sealed.found.end();
    let before = bytes.get(..end).unwrap_or_default();
    match readable && before.trim_ascii_end().ends_with(b"%%EOF") {
        true => sealed.report.ok("pdf.coverage", format!("签名覆盖文件的前 {end} 字节")),
        false => sealed
            .report
            .fail("pdf.coverage", "incomplete", "签名没有覆盖到一次保存的末尾"),
    }
}

/// The last signature ends where the file ends now.
fn judge_whole(bytes: &[u8], signatures: &mut [Sealed], file: &mut Report) {
    let Some(last) = signatures.last_mut() else { return };
    let more = bytes.len().saturating_sub(last.found.end());
    if more == 0 {
        return last.report.ok("pdf.revisions", "此后没有追加内容");
    }
    let reason = format!("最后一次签章之后文件被修改：追加了 {more} 字节");
    last.report.fail("pdf.revisions", "appended", reason.clone());
    file.fail("file.revisions", "appended", reason);
}

/// From the last to the first: what came between one signature and the next is the next one's seal and nothing else.
fn judge_later(signatures: &mut [Sealed], between: Vec<Result<Stands, String>>) {
    for (index, judged) in between.into_iter().enumerate().rev() {
        let Some((before, after)) = signatures.split_at_mut_checked(index + 1) else {
            return;
        };
        let (Some(before), Some(after)) = (before.last_mut(), after.first()) else {
            return;
        };
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

/// What the revision of the next signature adds to the file before it.
fn added(bytes: &[u8], base: Option<&Base>, from: usize, after: &Sealed) -> Result<Stands, String> {
    let later = Later::read(bytes, from, after.found.end());
    let later = later.map_err(|fault| format!("签章之后追加的内容不是规范的签章（{fault}）"))?;
    let missing = || "签章之后追加的签章不可读取".to_owned();
    let base = base.ok_or_else(missing)?;
    let seal = after.parsed.as_ref().ok_or_else(missing)?.seal();
    let raw = seal.raw_picture();
    let picture = Picture::decode(&raw.data).map_err(|_| missing())?;
    let numbers = Numbers::of(base).ok_or_else(|| "签章时的文件不是可以追加的形式".to_owned())?;
    let judge = Judge {
        before: base,
        numbers,
        later: &later,
        signature: after.found.id,
        picture: &picture,
        sides: Sides::of(raw.width, raw.height),
    };
    judge.check().map_err(|altered| altered.0.to_owned())
}

/// Whether the field draws the picture of the seal that it was sealed with, in the seal's size, on a page.
fn shows_picture(base: &Base, field: ObjectId, parsed: &Signature) -> bool {
    let shown = || {
        let raw = parsed.seal().raw_picture();
        let picture = Picture::decode(&raw.data).ok()?;
        let dictionary = base.dictionary(field)?;
        let area = Area::read(dictionary.get(b"Rect").ok()?)?;
        let page = dictionary.get(b"P").and_then(Object::as_reference).ok()?;
        let annotations = base.value(&base.dictionary(page)?, b"Annots")?;
        let listed = annotations.as_array().ok()?.contains(&Object::Reference(field));
        let on_page = base.pages()?.contains(&page) && sheet(base, page).ok()?.holds(area);
        let appearance = dictionary.get(b"AP").and_then(Object::as_dict).ok()?.get(b"N").ok()?;
        let form = base.resolve(appearance)?;
        let image = image_of(form.as_stream().ok()?, area, Strip::WHOLE)?;
        let image = base.get(image)?;
        let image = image.as_stream().ok()?;
        let mask = base.value(&image.dict, b"SMask")?;
        let drawn = picture.is_drawn_by(image, mask.as_stream().ok()?);
        Some(listed && on_page && area.is_of(Sides::of(raw.width, raw.height)) && drawn)
    };
    shown().unwrap_or(false)
}
