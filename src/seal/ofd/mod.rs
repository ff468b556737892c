//! Seals on OFD packages (GB/T 33190): what each Signature.xml protects is recomputed, its SES_Signature verified.
//! Must not show or change a package.

mod description;
mod package;

use std::collections::BTreeSet;

use base64::Engine as _;

pub use package::LARGEST;

use self::description::{Body, Description, DescriptionError, Listed, MOST_SIGNATURES};
use self::package::{Package, resolve};
use super::document::{DocumentReport, Kind, SignatureReport};
use super::report::Report;
use super::ses::{Seal, Signature};
use super::sm3;
use super::trust::TrustStore;
use crate::machine::Time;

/// SM3, and SM2 with SM3, as OFD names them.
const SM3_OID: &str = "1.2.156.10197.1.401";
const SM2_OID: &str = "1.2.156.10197.1.501";

/// Judges a package as of a time.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    let mut report = DocumentReport::begin(Some(Kind::Ofd), bytes, at);
    let package = match Package::open(bytes) {
        Ok(package) => package,
        Err(error) => {
            report
                .report
                .fail("file.format", "malformed", format!("不是可读取的 OFD：{error}"));
            return report.conclude();
        }
    };
    match signatures(&package) {
        Ok(listed) if listed.len() > MOST_SIGNATURES => report.report.fail("file.signatures", "too_many", "签名过多"),
        Ok(listed) => {
            let folders: BTreeSet<_> = listed
                .iter()
                .map(|(_, listed)| folder(&listed.path).to_owned())
                .collect();
            for ((body, listed), number) in listed.iter().zip(1..) {
                let judged = Judged {
                    package: &package,
                    folders: &folders,
                    body,
                    listed,
                };
                report.signatures.push(judged.verify(number, trust, at));
            }
        }
        Err(error) => report.report.fail("file.format", "malformed", error.to_string()),
    }
    report.conclude()
}

fn signatures(package: &Package) -> Result<Vec<(Body, Listed)>, DescriptionError> {
    let mut all = Vec::new();
    for body in description::bodies(package)? {
        let Some(list) = &body.signatures else { continue };
        for listed in description::listed(package, list)? {
            all.push((body.clone(), listed));
        }
    }
    Ok(all)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// One signature with what it stands in.
struct Judged<'a> {
    package: &'a Package,
    /// The folders of all signatures: what a later one adds is no change of what an earlier one protects.
    folders: &'a BTreeSet<String>,
    body: &'a Body,
    listed: &'a Listed,
}

impl Judged<'_> {
    fn verify(&self, number: usize, trust: &TrustStore, at: Time) -> SignatureReport {
        let mut report = Report::default();
        let parsed = self.judge(&mut report, trust, at);
        SignatureReport::of(number, self.listed.id.clone(), parsed.as_ref(), report)
    }

    fn judge(&self, report: &mut Report, trust: &TrustStore, at: Time) -> Option<Signature> {
        let described = description::describe(self.package, &self.listed.path);
        let described = match described {
            Ok(described) => described,
            Err(error) => {
                report.fail("ofd.description", "malformed", error.to_string());
                return None;
            }
        };
        report.ok("ofd.description", "签名描述文件结构完整");
        self.judge_references(report, &described);
        self.judge_coverage(report, &described);
        if self.listed.kind != "Seal" {
            report.fail(
                "ofd.kind",
                "unsupported",
                "不带印章的数字签名（GB/T 35275）暂不支持验证",
            );
            return None;
        }
        let Some((_, value)) = self.package.find(&described.value) else {
            report.fail("signature.format", "missing", format!("包内缺少 {}", described.value));
            return None;
        };
        let parsed = match Signature::parse(value) {
            Ok(parsed) => parsed,
            Err(error) => {
                report.fail("signature.format", error.code(), error.sentence());
                return None;
            }
        };
        let digest = self.package.find(&self.listed.path).map(|(_, content)| sm3(content));
        report.append(parsed.verify(trust, digest, at));
        self.judge_names(report, &described, &parsed);
        Some(parsed)
    }

    /// Every file has the digest that it had.
    fn judge_references(&self, report: &mut Report, described: &Description) {
        const STEP: &str = "ofd.references";
        let method = described.check_method.as_str();
        if method != SM3_OID && !method.eq_ignore_ascii_case("SM3") {
            return report.fail(STEP, "unsupported", format!("不支持的摘要算法 {method}"));
        }
        if described.references.is_empty() {
            return report.fail(STEP, "empty", "签名没有保护任何文件");
        }
        for reference in &described.references {
            let Some((_, content)) = self.package.find(&reference.path) else {
                return report.fail(STEP, "missing", format!("被保护的文件 {} 不在包内", reference.path));
            };
            let value = base64::engine::general_purpose::STANDARD.decode(&reference.value);
            if value.ok().as_deref() != Some(sm3(content).as_slice()) {
                return report.fail(STEP, "changed", format!("文件 {} 与签章时不一致", reference.path));
            }
        }
        let reason = format!("{} 个被保护的文件均与签章时一致", described.references.len());
        report.ok(STEP, reason);
    }

    /// The document and its pages are protected; other files that are not are named.
    fn judge_coverage(&self, report: &mut Report, described: &Description) {
        const STEP: &str = "ofd.coverage";
        let protected: BTreeSet<&str> = described
            .references
            .iter()
            .filter_map(|reference| self.package.find(&reference.path))
            .map(|(name, _)| name)
            .collect();
        let mut needed = vec![self.body.root.clone()];
        match description::pages(self.package, &self.body.root) {
            Ok(pages) => needed.extend(pages),
            Err(error) => return report.fail(STEP, "malformed", error.to_string()),
        }
        for path in needed {
            let found = self.package.find(&path);
            if !found.is_some_and(|(name, _)| protected.contains(name)) {
                return report.fail(STEP, "uncovered", format!("{path} 没有被签名保护"));
            }
        }
        let list = self.body.signatures.as_deref().and_then(|path| self.package.find(path));
        let own = |name: &str| self.folders.contains(folder(name)) || list.is_some_and(|(list, _)| list == name);
        let open: Vec<_> = self
            .package
            .names()
            .filter(|name| !protected.contains(name) && !own(name))
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
            false => report.warn("ofd.seal", "differs", "包内印章文件与签名中的印章不同"),
        }
    }
}
