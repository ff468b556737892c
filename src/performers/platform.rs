//! The platform's own mail templates, which belong to no bundle: the daily digest, and
//! checkpoints of records that run.
//! Must not name anything of a trade.

use std::collections::BTreeMap;

use crate::machine::Bundle;
use crate::machine::trade::BundleRef;

/// Path (as it would stand in a bundle) and text of each.
const TEMPLATES: [(&str, &str); 5] = [
    (
        "templates/mail/platform_digest/subject.txt.hbs",
        include_str!("../../templates/platform/digest/subject.txt.hbs"),
    ),
    (
        "templates/mail/platform_digest/body.txt.hbs",
        include_str!("../../templates/platform/digest/body.txt.hbs"),
    ),
    (
        "templates/mail/platform_digest/body.html.hbs",
        include_str!("../../templates/platform/digest/body.html.hbs"),
    ),
    (
        "templates/mail/platform_checkpoint/subject.txt.hbs",
        include_str!("../../templates/platform/checkpoint/subject.txt.hbs"),
    ),
    (
        "templates/mail/platform_checkpoint/body.txt.hbs",
        include_str!("../../templates/platform/checkpoint/body.txt.hbs"),
    ),
];

/// A bundle of nothing but these templates. Times in them are local by the offset given.
pub fn bundle(offset_millis: i64) -> Bundle {
    let files = TEMPLATES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Bundle {
        reference: BundleRef {
            name: "platform".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            sha256: "platform".into(),
        },
        title: String::new(),
        calendar: "".into(),
        utc_offset_millis: offset_millis,
        root: "".into(),
        machines: BTreeMap::new(),
        roles: BTreeMap::new(),
        documents: BTreeMap::new(),
        refusals: BTreeMap::new(),
        movements: BTreeMap::new(),
        hooks: BTreeMap::new(),
        capacities: BTreeMap::new(),
        files: files.collect(),
    }
}
