//! One signature of a package, step by step, and what others have added after it. Must not look beyond the package.

use std::collections::BTreeSet;

use base64::Engine as _;

use super::Contents;
use super::description::{self, Description, Listed};
use super::later::{check, meet};
use super::package::{Package, PackageError, resolve};
use crate::machine::Time;
use crate::seal::document::SignatureReport;
use crate::seal::report::Report;
use crate::seal::ses::{Seal, Signature};
use crate::seal::trust::TrustStore;

/// SM3, and SM2 with SM3, as OFD names them.
const SM3_OID: &str = "1.2.156.10197.1.401";
const SM2_OID: &str = "1.2.156.10197.1.501";

/// One signature with what it stands in.
pub struct Judged<'a> {
    pub package: &'a Package<'a>,
    pub contents: &'a Contents<'a>,
    /// Which of the bodies it belongs to.
    pub place: usize,
    pub listed: &'a Listed,
}

/// A signature after its own steps.
pub struct Signed<'a> {
    listed: &'a Listed,
    described: Option<Description>,
    /// The files that it protects.
    protected: BTreeSet<&'a str>,
    /// Its own description, as the file is called.
    file: &'a str,
    parsed: Option<Signature>,
    report: Report,
}

impl Signed<'_> {
    pub fn finish(self, number: usize) -> SignatureReport {
        SignatureReport::of(number, self.listed.id.clone(), self.parsed.as_ref(), self.report)
    }
}

impl<'a> Judged<'a> {
    pub fn verify(&self, trust: &TrustStore, at: Time) -> Signed<'a> {
        let mut signed = Signed {
            listed: self.listed,
            described: None,
            protected: BTreeSet::new(),
            file: self.package.find(&self.listed.path).map_or("", |(name, _)| name),
            parsed: None,
            report: Report::default(),
        };
        match description::describe(self.package, &self.listed.path) {
            Ok(described) => {
                let references = described.references.iter();
                let found = references.filter_map(|reference| self.package.find(&reference.path));
                signed.protected = found.map(|(name, _)| name).collect();
                self.judge(&mut signed, &described, trust, at);
                signed.described = Some(described);
            }
            Err(error) => signed.report.fail("ofd.description", "malformed", error.to_string()),
        }
        signed
    }

    fn judge(&self, signed: &mut Signed, described: &Description, trust: &TrustStore, at: Time) {
        let report = &mut signed.report;
        report.ok("ofd.description", "签名描述文件结构完整");
        if let Err(error) = self.judge_references(report, described) {
            report.fail("ofd.references", "exhausted", error.to_string());
        }
        self.judge_coverage(report, &signed.protected);
        if self.listed.kind != "Seal" {
            let reason = "不带印章的数字签名（GB/T 35275）暂不支持验证";
            return report.fail("ofd.kind", "unsupported", reason);
        }
        let Some((_, value)) = self.package.find(&described.value) else {
            let reason = format!("包内缺少 {}", described.value);
            return report.fail("signature.format", "missing", reason);
        };
        let parsed = match Signature::parse(value) {
            Ok(parsed) => parsed,
            Err(error) => return report.fail("signature.format", error.code(), error.sentence()),
        };
        let digest = self.package.digest(&self.listed.path).ok().flatten();
        report.append(parsed.verify(trust, digest, at));
        self.judge_names(report, described, &parsed);
        let picture = parsed.seal().raw_picture();
        match check(&described.stamps, picture.width, picture.height) {
            Ok(()) => report.ok("ofd.stamp", "签章按印章的尺寸显示"),
            // What it covers by itself, its signer has signed; what it covers of others is told there.
            Err(reason) => report.warn("ofd.stamp", "larger", reason),
        }
        signed.parsed = Some(parsed);
    }

    /// Every file has the digest that it had.
    fn judge_references(&self, report: &mut Report, described: &Description) -> Result<(), PackageError> {
        const STEP: &str = "ofd.references";
        let method = described.check_method.as_str();
        if method != SM3_OID && !method.eq_ignore_ascii_case("SM3") {
            report.fail(STEP, "unsupported", format!("不支持的摘要算法 {method}"));
            return Ok(());
        }
        if described.references.is_empty() {
            report.fail(STEP, "empty", "签名没有保护任何文件");
            return Ok(());
        }
        for reference in &described.references {
            let Some(digest) = self.package.digest(&reference.path)? else {
                report.fail(STEP, "missing", format!("被保护的文件 {} 不在包内", reference.path));
                return Ok(());
            };
            let value = base64::engine::general_purpose::STANDARD.decode(&reference.value);
            if value.ok().as_deref() != Some(digest.as_slice()) {
                report.fail(STEP, "changed", format!("文件 {} 与签章时不一致", reference.path));
                return Ok(());
            }
        }
        let reason = format!("{} 个被保护的文件均与签章时一致", described.references.len());
        report.ok(STEP, reason);
        Ok(())
    }

    /// OFD.xml and everything that the document names are protected; other files that are not are named.
    fn judge_coverage(&self, report: &mut Report, protected: &BTreeSet<&str>) {
        const STEP: &str = "ofd.coverage";
        let reached = match self.contents.bodies.get(self.place) {
            Some((_, Ok(reached))) => reached,
            Some((_, Err(error))) => return report.fail(STEP, "malformed", error.to_string()),
            None => return report.fail(STEP, "malformed", "签名不属于包内的文档"),
        };
        if reached.is_empty() {
            return report.fail(STEP, "malformed", "包内缺少文档的根文件");
        }
        let entry = self.package.find("OFD.xml").map(|(name, _)| name);
        let needed = entry.into_iter().chain(reached.iter().copied());
        if let Some(path) = needed.into_iter().find(|path| !protected.contains(path)) {
            return report.fail(STEP, "uncovered", format!("{path} 没有被签名保护"));
        }
        let open: Vec<_> = self
            .package
            .names()
            .filter(|name| !protected.contains(name) && !self.contents.own.contains(*name))
            .collect();
        match open.as_slice() {
            [] => report.ok(STEP, "包内文件均被签名保护"),
            [first, ..] => {
                let reason = format!("{} 个文件未被签名保护，例如 {first}", open.len());
                report.warn(STEP, "uncovered", reason);
            }
        }
    }

    /// What the signature says of where it stands, and the seal that lies beside it.
    fn judge_names(&self, report: &mut Report, described: &Description, parsed: &Signature) {
        if described.method != SM2_OID {
            let reason = format!("签名描述文件记载的算法为 {}", described.method);
            report.warn("ofd.method", "differs", reason);
        }
        let said = resolve(parsed.property(), "").unwrap_or_default();
        match said.eq_ignore_ascii_case(&self.listed.path) {
            true => report.ok("ofd.property", "签名记载的原文位置与实际一致"),
            false => report.warn("ofd.property", "differs", "签名记载的原文位置与实际不同"),
        }
        let Some(path) = &described.seal else { return };
        let beside = self.package.find(path).and_then(|(_, bytes)| Seal::parse(bytes).ok());
        match beside.is_some_and(|seal| seal.der() == parsed.seal().der()) {
            true => report.ok("ofd.seal", "包内印章文件与签名中的印章一致"),
            false => report.fail("ofd.seal", "differs", "包内印章文件与签名中的印章不同"),
        }
    }
}

/// Of each signature: what other signatures have added that it does not protect.
pub fn judge_later(signed: &mut [Signed]) {
    let holds: Vec<bool> = signed.iter().map(|one| one.report.holds()).collect();
    let mut steps = Vec::new();
    for (one, at) in signed.iter().zip(0..) {
        let mut report = Report::default();
        let later = signed.iter().zip(&holds).enumerate();
        let later = later.filter(|(other, (signed, _))| *other != at && !one.protected.contains(signed.file));
        let mut count = 0;
        for (_, (other, holds)) in later {
            count += 1;
            judge_other(&mut report, one, other, *holds);
        }
        if report.step("ofd.later").is_none() {
            let reason = match count {
                0 => "此后没有其他签章",
                _ => "此后只追加了其他签章",
            };
            report.ok("ofd.later", reason);
        }
        steps.push(report);
    }
    for (one, report) in signed.iter_mut().zip(steps) {
        one.report.append(report);
    }
}

fn judge_other(report: &mut Report, one: &Signed, other: &Signed, holds: bool) {
    const STEP: &str = "ofd.later";
    let (true, Some(described), Some(parsed)) = (holds, &other.described, &other.parsed) else {
        return report.fail(STEP, "next_fails", "此后追加的签章未通过验证，不能排除改动");
    };
    let picture = parsed.seal().raw_picture();
    if let Err(reason) = check(&described.stamps, picture.width, picture.height) {
        return report.fail(STEP, "altered", format!("此后追加的签章不是签章的形式：{reason}"));
    }
    if !other.protected.contains(one.file) {
        report.warn(STEP, "unordered", "另一签章没有保护此签章，不能确定先后");
    }
    if one
        .described
        .as_ref()
        .is_some_and(|own| meet(&own.stamps, &described.stamps))
    {
        report.warn("ofd.overlap", "overlaps", "此后追加的签章与此签章重叠");
    }
}
