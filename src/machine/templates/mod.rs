//! The templates of a bundle: where they stand, which words they may use, and the check made when they are published.
//! Must not render anything: the performers do.

mod check;
mod shape;

pub use check::check;

/// What a template is turned into, which decides how values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    Typst,
    Html,
    Text,
}

/// A word templates may use beside handlebars' own, and how many arguments it needs.
pub struct Word {
    pub name: &'static str,
    pub arguments: std::ops::RangeInclusive<usize>,
}

/// All words of our own. The performers register exactly these; a test holds both to it.
pub const WORDS: [Word; 21] = [
    word("capitals", 1, 1),
    word("count", 1, 1),
    word("date", 1, 1),
    word("datetime", 1, 1),
    word("digest", 1, 1),
    word("entries", 1, 1),
    word("find", 3, 3),
    word("has", 2, 2),
    word("label", 1, 1),
    word("moment", 1, 1),
    word("money", 1, 1),
    word("number", 1, 1),
    word("paragraphs", 1, 1),
    word("party", 1, 2),
    word("percent", 1, 1),
    word("period", 1, 1),
    word("plus_one", 1, 1),
    word("qr", 1, 1),
    word("show", 1, 1),
    word("title_of", 1, 1),
    word("yes_no", 1, 1),
];

const fn word(name: &'static str, least: usize, most: usize) -> Word {
    Word {
        name,
        arguments: least..=most,
    }
}

const DOCUMENTS: &str = "templates/documents/";
const MAILS: &str = "templates/mail/";

/// The file a document is rendered from.
pub fn document_path(document: &str) -> String {
    format!("{DOCUMENTS}{document}.typ.hbs")
}

/// The document a template file belongs to; partials (`_page.typ.hbs`) are no documents.
pub fn document_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix(DOCUMENTS)?.strip_suffix(".typ.hbs")?;
    (!name.starts_with('_')).then_some(name)
}

/// The mail a template file belongs to.
pub fn mail_of(path: &str) -> Option<&str> {
    let (name, part) = path.strip_prefix(MAILS)?.split_once('/')?;
    (!name.starts_with('_') && part.ends_with(".hbs")).then_some(name)
}

/// The name by which other templates include a file: `_page` for `templates/documents/_page.typ.hbs`.
pub fn partial_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(DOCUMENTS).or_else(|| path.strip_prefix(MAILS))?;
    let name = rest.split('.').next()?;
    (name.starts_with('_') && !name.contains('/') && rest.ends_with(".hbs")).then_some(name)
}

/// The medium by the file's name.
pub fn medium_of(path: &str) -> Option<Medium> {
    let endings = [
        (".typ.hbs", Medium::Typst),
        (".html.hbs", Medium::Html),
        (".txt.hbs", Medium::Text),
    ];
    let found = endings.into_iter().find(|(ending, _)| path.ends_with(ending));
    found.map(|(_, medium)| medium)
}
