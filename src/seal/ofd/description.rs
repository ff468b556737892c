//! The XML of an OFD's signatures: which there are, what each protects, where its value lies. Must not follow an entity.

use roxmltree::{Document, Node, ParsingOptions};

use super::package::{Package, PackageError, resolve};

const LARGEST_XML: usize = 16 * 1_024 * 1_024;
const MOST_NODES: u32 = 200_000;
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
    #[error(transparent)]
    Package(#[from] PackageError),
}

type Read<T> = Result<T, DescriptionError>;

/// One document body of a package.
#[derive(Clone, Debug)]
pub struct Body {
    /// The path of its Document.xml.
    pub root: String,
    /// The path of its list of signatures.
    pub signatures: Option<String>,
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

/// A Signature.xml.
#[derive(Clone, Debug)]
pub struct Description {
    pub method: String,
    pub check_method: String,
    pub references: Vec<Reference>,
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
            Ok(Body {
                root: resolve(&root, "OFD.xml")?,
                signatures: signatures.transpose()?,
            })
        };
        children(root, "DocBody").map(body).collect()
    })
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
        children(root, "Signature")
            .take(MOST_SIGNATURES + 1)
            .map(line)
            .collect()
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
        let seal = children(signed, "Seal").next().and_then(|seal| text(seal, "BaseLoc"));
        let value = text(root, "SignedValue").ok_or_else(|| missing("SignedValue"))?;
        Ok(Description {
            method: text(signed, "SignatureMethod").unwrap_or_default(),
            check_method: list.attribute("CheckMethod").unwrap_or_default().to_owned(),
            references: children(list, "Reference").map(reference).collect::<Read<_>>()?,
            seal: seal.map(|location| resolve(&location, path)).transpose()?,
            value: resolve(&value, path)?,
        })
    })
}

/// The paths of the pages and templates that a Document.xml names.
pub fn pages(package: &Package, path: &str) -> Read<Vec<String>> {
    with(package, path, |root| {
        let pages = root
            .descendants()
            .filter(|node| matches!(node.tag_name().name(), "Page" | "TemplatePage"));
        let places = pages.filter_map(|node| node.attribute("BaseLoc"));
        places.map(|location| Ok(resolve(location, path)?)).collect()
    })
}

fn with<T>(package: &Package, path: &str, read: impl FnOnce(Node) -> Read<T>) -> Read<T> {
    let (_, content) = package
        .find(path)
        .ok_or_else(|| DescriptionError::Missing(path.to_owned()))?;
    let broken = || DescriptionError::Xml(path.to_owned());
    if content.len() > LARGEST_XML {
        return Err(PackageError::TooLarge.into());
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

fn children<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn text(node: Node, name: &'static str) -> Option<String> {
    let found = children(node, name).next()?.text()?.trim().to_owned();
    (!found.is_empty()).then_some(found)
}
