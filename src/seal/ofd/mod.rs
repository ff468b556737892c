//! Seals on OFD packages (GB/T 33190): what each Signature.xml protects is recomputed, its SES_Signature verified, and what
//! is shown compared with what is protected. Must not show or change a package.

mod description;
mod judged;
mod later;
mod package;
mod reach;
mod xml;
mod zipped;

use std::collections::BTreeSet;

pub use package::LARGEST;

use self::description::{Body, DescriptionError, Listed, MOST_SIGNATURES};
use self::judged::{Judged, Signed};
use self::package::Package;
use self::reach::Reach;
use super::document::{DocumentReport, Kind};
use super::report::Report;
use super::trust::TrustStore;
use super::work::Work;
use crate::machine::Time;

/// Judges a package as of a time.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    verify_within(bytes, trust, at, &Work::default())
}

/// Judges a package as [`verify`] does, with so much work and no more.
#[must_use]
pub fn verify_within(bytes: &[u8], trust: &TrustStore, at: Time, work: &Work) -> DocumentReport {
    let mut report = DocumentReport::begin(Some(Kind::Ofd), bytes, at);
    let package = match Package::open(bytes, work) {
        Ok(package) => package,
        Err(error) => {
            report
                .report
                .fail("file.format", "malformed", format!("不是可读取的 OFD：{error}"));
            return report.conclude();
        }
    };
    match contents(&package) {
        Ok(contents) if contents.signatures.len() > MOST_SIGNATURES => {
            report.report.fail("file.signatures", "too_many", "签名过多");
        }
        Ok(contents) => {
            judge_file(&package, &contents, &mut report.report);
            let mut signed: Vec<Signed> = Vec::new();
            for (place, listed) in &contents.signatures {
                let judged = Judged {
                    package: &package,
                    contents: &contents,
                    place: *place,
                    listed,
                };
                signed.push(judged.verify(trust, at));
            }
            judged::judge_later(&mut signed);
            report.signatures = signed
                .into_iter()
                .zip(1..)
                .map(|(one, number)| one.finish(number))
                .collect();
        }
        Err(error) => report.report.fail("file.format", "malformed", error.to_string()),
    }
    if work.is_exhausted() {
        report.report.fail("file.work", "exhausted", "验证所需的计算量超出上限");
    }
    report.conclude()
}

/// What a package holds.
struct Contents<'a> {
    bodies: Vec<(Body, Result<BTreeSet<&'a str>, DescriptionError>)>,
    /// The place of the body in the list above, and the signature.
    signatures: Vec<(usize, Listed)>,
    /// The files that signatures themselves consist of: what a later one adds is no change of what an earlier one protects.
    own: BTreeSet<String>,
}

fn contents<'a>(package: &'a Package<'a>) -> Result<Contents<'a>, DescriptionError> {
    let bodies = description::bodies(package)?;
    let reach = Reach::new(package);
    let mut contents = Contents {
        bodies: Vec::new(),
        signatures: Vec::new(),
        own: BTreeSet::new(),
    };
    let folders: Vec<String> = bodies.iter().map(|body| folder(&body.root).to_owned()).collect();
    for (place, body) in bodies.into_iter().enumerate() {
        if let Some(list) = &body.signatures {
            let listed = description::listed(package, list)?;
            contents.own.extend(package.find(list).map(|(name, _)| name.to_owned()));
            contents
                .signatures
                .extend(listed.into_iter().map(|listed| (place, listed)));
        }
        let own = folders.get(place).map_or("", String::as_str);
        let elsewhere: Vec<String> = folders
            .iter()
            .filter(|folder| !folder.is_empty() && folder.as_str() != own)
            .map(|folder| format!("{folder}/"))
            .collect();
        let reached = reach.from(&body.root, &body.versions, &elsewhere);
        contents.bodies.push((body, reached));
    }
    if contents.signatures.len() <= MOST_SIGNATURES {
        for (_, listed) in &contents.signatures {
            let described = description::describe(package, &listed.path);
            let described = described.iter().flat_map(|one| [Some(&one.value), one.seal.as_ref()]);
            let own = described.flatten().chain([&listed.path]);
            contents.own.extend(
                own.filter_map(|path| package.find(path))
                    .map(|(name, _)| name.to_owned()),
            );
        }
    }
    Ok(contents)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Where anything is signed, every document of the package is, and no signature lies about that is not listed.
fn judge_file(package: &Package, contents: &Contents, report: &mut Report) {
    let signed: BTreeSet<usize> = contents.signatures.iter().map(|(place, _)| *place).collect();
    let unsigned = (0..contents.bodies.len()).find(|place| !signed.contains(place));
    if let (Some(place), false) = (unsigned, signed.is_empty()) {
        let root = contents.bodies.get(place).map_or("", |(body, _)| body.root.as_str());
        report.fail("file.bodies", "unsigned", format!("包内另有没有签名的文档 {root}"));
    }
    let value = |name: &&str| name.to_lowercase().rsplit('/').next() == Some("signedvalue.dat");
    let stray = package.names().filter(value).find(|name| !contents.own.contains(*name));
    if let Some(name) = stray {
        report.fail("file.signatures", "unlisted", format!("签名 {name} 不在签名列表中"));
    }
}
