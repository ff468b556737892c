//! What a document shows or may show: every file of the package that something of it names, from Document.xml on.
//! Must not know the schema: a name in any attribute or text counts, so that no element is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;

use super::description::Read;
use super::package::{Package, resolve};
use super::xml::with;
use super::zipped::LONGEST_NAME;

/// Finds what documents consist of.
pub struct Reach<'a> {
    package: &'a Package<'a>,
    /// The last part of each name, in lower case.
    last: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Reach<'a> {
    pub fn new(package: &'a Package<'a>) -> Self {
        let mut last: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in package.names() {
            last.entry(last_part(name)).or_default().push(name);
        }
        Self { package, last }
    }

    /// The files that the document consists of, its root and its other versions among them. A file that only bears the last part of a name that is
    /// mentioned counts as well, unless it lies in another document's folder: readers differ in what a location is relative to.
    ///
    /// # Errors
    /// A file that is no XML and should be; the work it takes is more than is left.
    pub fn from(&self, root: &str, besides: &[String], elsewhere: &[String]) -> Read<BTreeSet<&'a str>> {
        let mut reached = BTreeSet::new();
        let Some((root, _)) = self.package.find(root) else {
            return Ok(reached);
        };
        let besides = besides.iter().filter_map(|path| self.package.find(path));
        let mut open: Vec<&str> = besides.map(|(name, _)| name).chain([root]).collect();
        while let Some(name) = open.pop() {
            if !reached.insert(name) || !(name == root || name.to_lowercase().ends_with(".xml")) {
                continue;
            }
            with(self.package, name, |node| {
                mentioned(node, &mut |text| open.extend(self.named(text, name, elsewhere)));
                Ok(())
            })?;
        }
        Ok(reached)
    }

    fn named(&self, text: &str, within: &str, elsewhere: &[String]) -> Vec<&'a str> {
        let Some(files) = self.last.get(&last_part(text)) else {
            return Vec::new();
        };
        let path = resolve(text, within).unwrap_or_default().to_lowercase();
        let away = |file: &str| elsewhere.iter().any(|folder| file.starts_with(folder.as_str()));
        let meant = |file: &&&str| !away(file) || file.to_lowercase() == path;
        files.iter().filter(meant).copied().collect()
    }
}

fn last_part(text: &str) -> String {
    text.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase()
}

/// All attributes and texts that are short enough to name a file.
fn mentioned(root: Node, take: &mut impl FnMut(&str)) {
    let mut short = |text: &str| {
        let text = text.trim();
        if text.len() <= LONGEST_NAME {
            take(text);
        }
    };
    for node in root.descendants() {
        for attribute in node.attributes() {
            short(attribute.value());
        }
        if node.is_text() {
            short(node.text().unwrap_or_default());
        }
    }
}
