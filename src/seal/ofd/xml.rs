//! The XML of a package, read within limits: what makes a parser slow is counted before it begins.
//! Must not follow an entity.

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};

use super::description::{DescriptionError, Read};
use super::package::{Package, PackageError};

const LARGEST_XML: usize = 16 * 1_024 * 1_024;
const MOST_NODES: u32 = 200_000;
/// As many attributes as one element may have: each is compared with those before it.
const MOST_ATTRIBUTES: usize = 64;
/// As many name spaces as one file may declare: each name is looked up among them.
const MOST_SPACES: usize = 32;
/// What a byte of XML costs to parse, against one that is hashed.
const COST: usize = 4;

/// Reads one file.
///
/// # Errors
/// One that is missing, too large or no well-formed XML; the work it takes is more than is left.
pub fn with<T>(package: &Package, path: &str, read: impl FnOnce(Node) -> Read<T>) -> Read<T> {
    let (_, content) = package
        .find(path)
        .ok_or_else(|| DescriptionError::Missing(path.to_owned()))?;
    let broken = || DescriptionError::Xml(path.to_owned());
    if content.len() > LARGEST_XML {
        return Err(PackageError::TooLarge.into());
    }
    package.work.take(COST * content.len()).map_err(PackageError::from)?;
    if !is_simple(content) {
        return Err(broken());
    }
    let text = std::str::from_utf8(content).map_err(|_| broken())?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let text = text.trim_start_matches('\u{feff}');
    let document = Document::parse_with_options(text, options).map_err(|_| broken())?;
    read(document.root_element())
}

/// Whether no element has too many attributes, and the file not too many name spaces.
fn is_simple(content: &[u8]) -> bool {
    let mut spaces = BTreeSet::new();
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        let ends: &[u8] = match rest {
            [b'!', b'-', b'-', ..] => b"-->",
            [b'!', b'[', ..] => b"]]>",
            [b'?', ..] => b"?>",
            _ => {
                let Some(tag) = tag(rest, &mut spaces) else {
                    return false;
                };
                rest = rest.get(tag..).unwrap_or_default();
                continue;
            }
        };
        let end = rest.windows(ends.len()).position(|window| window == ends);
        rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
    }
    true
}

/// The length of a tag; none where it has too much in it.
fn tag<'a>(content: &'a [u8], spaces: &mut BTreeSet<&'a [u8]>) -> Option<usize> {
    let (mut quote, mut attributes, mut name) = (None, 0_usize, 0);
    for (at, byte) in content.iter().enumerate() {
        match (byte, quote) {
            (byte, Some(open)) if *byte == open => {
                quote = None;
                name = at + 1;
            }
            (_, Some(_)) => {}
            (b'"' | b'\'', None) => quote = Some(*byte),
            (b'>', None) => return Some(at),
            (b'=', None) => {
                attributes += 1;
                let name = content.get(name..at).unwrap_or_default().trim_ascii();
                let name = name.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
                if name.starts_with(b"xmlns") {
                    spaces.insert(name);
                }
                if attributes > MOST_ATTRIBUTES || spaces.len() > MOST_SPACES {
                    return None;
                }
            }
            _ => {}
        }
    }
    Some(content.len())
}

pub fn children<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

pub fn text(node: Node, name: &'static str) -> Option<String> {
    let found = children(node, name).next()?.text()?.trim().to_owned();
    (!found.is_empty()).then_some(found)
}
