//! The XML of an OFD's signatures: which there are, what each protects, where its value lies, where its seal is shown.
//! Must not judge any of it.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::package::{MOST_FILES, Package, PackageError, resolve};
use super::xml::{children, text, with};

/// As many documents as one package may hold.
const MOST_BODIES: usize = 32;
/// As many signatures as one package may carry.
pub const MOST_SIGNATURES: usize = 32;

/// Why a description cannot be read. For people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    #[error("包内缺少 {0}")]
    Missing(String),
    #[error("{0} 不是规范的 XML")]
    Xml(String),
    #[error("{0} 缺少 {1}")]
    Incomplete(String, &'static str),
    #[error("{0} 中重复列出了 {1}")]
    Twice(String, String),
    #[error("{0} 中的条目过多")]
    TooMany(String),
    #[error(transparent)]
    Package(#[from] PackageError),
}

pub type Read<T> = Result<T, DescriptionError>;

/// One document body of a package.
#[derive(Clone, Debug)]
pub struct Body {
    /// The path of its Document.xml.
    pub root: String,
    /// The path of its list of signatures.
    pub signatures: Option<String>,
    /// The paths of what describes its other versions.
    pub versions: Vec<String>,
}

/// One line in a list of signatures.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: String,
    /// `Seal`, or `Sign` for a signature without one.
    pub kind: String,
    pub path: String,
}

/// A file with the digest it had at the signing.
#[derive(Clone, Debug)]
pub struct Reference {
    pub path: String,
    pub value: String,
}

/// Where a seal is shown: on one page, in a box in millimetres.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    pub page: String,
    /// From the left, from the top, width, height; none where it is not four numbers.
    pub boundary: Option<[f64; 4]>,
}

/// A Signature.xml.
#[derive(Clone, Debug)]
pub struct Description {
    pub method: String,
    pub check_method: String,
    pub references: Vec<Reference>,
    pub stamps: Vec<Stamp>,
    /// The seal as a file of its own, where there is one.
    pub seal: Option<String>,
    pub value: String,
}

/// The bodies that OFD.xml names.
pub fn bodies(package: &Package) -> Read<Vec<Body>> {
    with(package, "OFD.xml", |root| {
        let body = |node: Node| {
            let root = text(node, "DocRoot").ok_or(DescriptionError::Incomplete("OFD.xml".into(), "DocRoot"))?;
            let signatures = text(node, "Signatures").map(|location| resolve(&location, "OFD.xml"));
            let versions = children(node, "Versions").flat_map(|versions| children(versions, "Version"));
            let versions = versions
                .filter_map(|version| version.attribute("BaseLoc"))
                .take(MOST_BODIES);
            let versions = versions.map(|location| Ok(resolve(location, "OFD.xml")?));
            Ok(Body {
                versions: versions.collect::<Read<_>>()?,
                root: resolve(&root, "OFD.xml")?,
                signatures: signatures.transpose()?,
            })
        };
        let bodies: Vec<Body> = children(root, "DocBody")
            .take(MOST_BODIES + 1)
            .map(body)
            .collect::<Read<_>>()?;
        let lists = bodies.iter().filter_map(|body| body.signatures.as_deref());
        once("OFD.xml", bodies.iter().map(|body| body.root.as_str()), MOST_BODIES)?;
        once("OFD.xml", lists, MOST_BODIES)?;
        Ok(bodies)
    })
}

/// Names that stand once each, whatever their case, and not too many of them.
fn once<'a>(within: &str, names: impl Iterator<Item = &'a str>, most: usize) -> Read<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.len() == most {
            return Err(DescriptionError::TooMany(within.to_owned()));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(DescriptionError::Twice(within.to_owned(), name.to_owned()));
        }
    }
    Ok(())
}

/// The signatures of one list.
pub fn listed(package: &Package, path: &str) -> Read<Vec<Listed>> {
    with(package, path, |root| {
        let line = |node: Node| {
            let location = node.attribute("BaseLoc");
            let location = location.ok_or(DescriptionError::Incomplete(path.into(), "BaseLoc"))?;
            Ok(Listed {
                id: node.attribute("ID").unwrap_or_default().to_owned(),
                kind: node.attribute("Type").unwrap_or("Seal").to_owned(),
                path: resolve(location, path)?,
            })
        };
        let listed: Vec<Listed> = children(root, "Signature")
            .take(MOST_SIGNATURES + 1)
            .map(line)
            .collect::<Read<_>>()?;
        once(path, listed.iter().map(|listed| listed.path.as_str()), MOST_SIGNATURES)?;
        Ok(listed)
    })
}

/// One Signature.xml.
pub fn describe(package: &Package, path: &str) -> Read<Description> {
    with(package, path, |root| {
        let missing = |what| DescriptionError::Incomplete(path.to_owned(), what);
        let signed = children(root, "SignedInfo")
            .next()
            .ok_or_else(|| missing("SignedInfo"))?;
        let list = children(signed, "References")
            .next()
            .ok_or_else(|| missing("References"))?;
        let reference = |node: Node| {
            let location = node.attribute("FileRef").ok_or_else(|| missing("FileRef"))?;
            Ok(Reference {
                path: resolve(location, path)?,
                value: text(node, "CheckValue").ok_or_else(|| missing("CheckValue"))?,
            })
        };
        let references: Vec<Reference> = children(list, "Reference")
            .take(MOST_FILES + 1)
            .map(reference)
            .collect::<Read<_>>()?;
        let paths = references.iter().map(|reference| reference.path.as_str());
        once(path, paths, MOST_FILES)?;
        let seal = children(signed, "Seal").next().and_then(|seal| text(seal, "BaseLoc"));
        let value = text(root, "SignedValue").ok_or_else(|| missing("SignedValue"))?;
        Ok(Description {
            method: text(signed, "SignatureMethod").unwrap_or_default(),
            check_method: list.attribute("CheckMethod").unwrap_or_default().to_owned(),
            references,
            stamps: children(signed, "StampAnnot").map(stamp).collect(),
            seal: seal.map(|location| resolve(&location, path)).transpose()?,
            value: resolve(&value, path)?,
        })
    })
}

fn stamp(node: Node) -> Stamp {
    let numbers = node.attribute("Boundary").unwrap_or_default().split_whitespace();
    let numbers: Option<Vec<f64>> = numbers
        .map(|number| number.parse().ok().filter(|number: &f64| number.is_finite()))
        .collect();
    Stamp {
        page: node.attribute("PageRef").unwrap_or_default().to_owned(),
        boundary: numbers.and_then(|numbers| numbers.try_into().ok()),
    }
}
