//! Typst in process: markup in, PDF bytes out, the same bytes for the same markup and time.
//! Must not open a file named by markup: the world it sets in holds one source and three font faces.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sealing::SealPlace;

/// Why markup did not become a PDF. All of them are worth an incident; none is ever a blank page.
#[derive(Debug, thiserror::Error)]
pub enum TypesetError {
    #[error("no font shows {0}")]
    MissingGlyphs(String),
    #[error("no font found: looked for {0}")]
    NoFonts(String),
    #[error("the markup was refused: {0}")]
    Markup(String),
    #[error("this build carries no typesetting (cargo feature `pdf`)")]
    NotBuilt,
}

/// What a PDF carries beside its text.
#[derive(Clone, Debug)]
pub struct Imprint {
    /// Identifies the document for ever: instance, name and revision.
    pub identity: String,
    /// Time of the record in milliseconds since 1970 UTC; printed into the PDF as its creation date.
    pub at: i64,
    /// Minutes by which local time is ahead of UTC.
    pub offset_minutes: i32,
}

/// A set document.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub pdf: Vec<u8>,
    pub places: Vec<SealPlace>,
}

/// Sets documents. Fonts are loaded once, when the first document asks for them. Cheap to clone.
#[derive(Clone)]
pub struct Typesetter {
    directories: Arc<[PathBuf]>,
    #[cfg(feature = "pdf")]
    faces: Arc<std::sync::OnceLock<Result<Arc<typst_world::Faces>, String>>>,
}

impl Typesetter {
    /// A typesetter that looks for fonts in these folders and below, in order.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            directories: directories.into_iter().collect(),
            #[cfg(feature = "pdf")]
            faces: Arc::default(),
        }
    }

    /// Sets markup. Takes tens of milliseconds of one core.
    ///
    /// # Errors
    /// A character that no font shows, markup that Typst refuses, missing fonts, a build without typesetting.
    #[cfg(feature = "pdf")]
    pub fn set(&self, markup: &str, imprint: &Imprint) -> Result<Set, TypesetError> {
        let faces = self.faces()?;
        faces.check(markup)?;
        typst_world::compile(faces, markup, imprint)
    }

    /// Refuses: this build carries no typesetting.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "pdf"))]
    pub fn set(&self, _markup: &str, _imprint: &Imprint) -> Result<Set, TypesetError> {
        Err(TypesetError::NotBuilt)
    }

    /// Sets markup of which only the file is needed.
    ///
    /// # Errors
    /// As for [`Self::set`].
    pub fn pdf(&self, markup: &str, imprint: &Imprint) -> Result<Vec<u8>, TypesetError> {
        self.set(markup, imprint).map(|set| set.pdf)
    }

    /// Whether documents can be set here, for `/readyz`; looks for the font files without loading them.
    ///
    /// # Errors
    /// What is missing.
    pub fn ready(&self) -> Result<(), TypesetError> {
        if !cfg!(feature = "pdf") {
            return Err(TypesetError::NotBuilt);
        }
        FACES.iter().try_for_each(|face| self.find(face).map(|_| ()))
    }

    #[cfg(feature = "pdf")]
    fn faces(&self) -> Result<Arc<typst_world::Faces>, TypesetError> {
        let load = || {
            let loaded = FACES.iter().map(|face| {
                let (path, index) = self.find(face).map_err(|error| error.to_string())?;
                typst_world::load(&path, index)
            });
            Ok(Arc::new(typst_world::Faces::new(loaded.collect::<Result<_, _>>()?)))
        };
        self.faces.get_or_init(load).clone().map_err(TypesetError::NoFonts)
    }

    fn find(&self, face: &Face) -> Result<(PathBuf, u32), TypesetError> {
        let mut places = self
            .directories
            .iter()
            .filter_map(|folder| search(folder, face, DEEPEST));
        places.next().ok_or_else(|| {
            let names = face.files.iter().map(|(name, _)| *name);
            TypesetError::NoFonts(names.collect::<Vec<_>>().join(", "))
        })
    }
}

/// The file and index of the bold face, for pictures of seals.
///
/// # Errors
/// None of these folders has it.
pub fn bold_face(directories: &[PathBuf]) -> Result<(PathBuf, u32), TypesetError> {
    let [_, bold, _] = &FACES;
    let found = directories.iter().find_map(|folder| search(folder, bold, DEEPEST));
    found.ok_or_else(|| TypesetError::NoFonts(bold.files.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")))
}

/// How deep below a folder fonts are looked for.
const DEEPEST: u32 = 4;

/// The face's file in a folder or below it.
fn search(folder: &Path, face: &Face, depth: u32) -> Option<(PathBuf, u32)> {
    let mut here = face.files.iter().map(|(name, index)| (folder.join(name), *index));
    if let Some(found) = here.find(|(path, _)| path.is_file()) {
        return Some(found);
    }
    let mut folders: Vec<PathBuf> = match depth {
        0 => Vec::new(),
        _ => std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
    };
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().find_map(|folder| search(folder, face, depth - 1))
}

/// One face, and the files it may be found in with its index there. The third face of Noto's collections is Simplified Chinese.
struct Face {
    files: &'static [(&'static str, u32)],
}

const FACES: [Face; 3] = [
    Face {
        files: &[("NotoSerifCJK-Regular.ttc", 2), ("NotoSerifCJKsc-Regular.otf", 0)],
    },
    Face {
        files: &[("NotoSerifCJK-Bold.ttc", 2), ("NotoSerifCJKsc-Bold.otf", 0)],
    },
    Face {
        files: &[("NotoSansCJK-Bold.ttc", 2), ("NotoSansCJKsc-Bold.otf", 0)],
    },
];

#[cfg(feature = "pdf")]
mod typst_world {
    //! The only code that knows the `typst` crates, whose interface changes with each minor version.

    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::{Arc, OnceLock};

    use typst::diag::{FileError, FileResult, SourceDiagnostic};
    use typst::foundations::{Bytes, Datetime, Duration, Label, Selector, Smart, Value};
    use typst::introspection::{Introspector as _, MetadataElem};
    use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
    use typst::text::{Font, FontBook};
    use typst::utils::{LazyHash, PicoStr};
    use typst::{Library, LibraryExt, World, WorldExt};
    use typst_layout::PagedDocument;
    use typst_pdf::{PdfOptions, PdfStandards, Timestamp};

    use super::{Imprint, Set, TypesetError};
    use crate::sealing::SealPlace;

    /// After how many documents that did not use it a memoised result is dropped; without it memory grows for ever.
    const KEEP_FOR_DOCUMENTS: usize = 5;

    pub struct Faces {
        fonts: Vec<Font>,
        book: LazyHash<FontBook>,
        library: LazyHash<Library>,
    }

    impl Faces {
        pub fn new(fonts: Vec<Font>) -> Self {
            Self {
                book: LazyHash::new(FontBook::from_fonts(&fonts)),
                library: LazyHash::new(Library::default()),
                fonts,
            }
        }

        /// Typst leaves a character that no font shows blank, without a word; on a legal paper that must not happen.
        pub fn check(&self, markup: &str) -> Result<(), TypesetError> {
            let shown = |character: char| {
                matches!(character, '\n' | '\t')
                    || self
                        .fonts
                        .iter()
                        .any(|font| font.info().coverage.contains(character as u32))
            };
            let missing: BTreeSet<char> = markup.chars().filter(|character| !shown(*character)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let named = missing
                .iter()
                .map(|it| format!("`{}` (U+{:04X})", it.escape_debug(), *it as u32));
            Err(TypesetError::MissingGlyphs(named.collect::<Vec<_>>().join(", ")))
        }
    }

    pub fn load(path: &Path, index: u32) -> Result<Font, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Font::new(Bytes::new(bytes), index).ok_or_else(|| format!("{} is not a font", path.display()))
    }

    /// File ids are interned for the life of the process in 16 bits: one for all documents.
    fn main_file() -> Option<FileId> {
        static MAIN: OnceLock<Option<FileId>> = OnceLock::new();
        *MAIN.get_or_init(|| {
            let path = VirtualPath::new("main.typ").ok()?;
            Some(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
        })
    }

    struct Desk {
        faces: Arc<Faces>,
        source: Source,
    }

    impl World for Desk {
        fn library(&self) -> &LazyHash<Library> {
            &self.faces.library
        }

        fn book(&self) -> &LazyHash<FontBook> {
            &self.faces.book
        }

        fn main(&self) -> FileId {
            self.source.id()
        }

        fn source(&self, id: FileId) -> FileResult<Source> {
            if id == self.source.id() {
                Ok(self.source.clone())
            } else {
                Err(FileError::AccessDenied)
            }
        }

        fn file(&self, _id: FileId) -> FileResult<Bytes> {
            Err(FileError::AccessDenied)
        }

        fn font(&self, index: usize) -> Option<Font> {
            self.faces.fonts.get(index).cloned()
        }

        /// A document that prints "today" would not print the same twice.
        fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
            None
        }
    }

    /// The label of the metadata that marks the middle of a place for a seal; its value is the role.
    const SEAL_PLACE: &str = "seal-place";

    /// The marks that the template has set, in reading order.
    fn places(document: &PagedDocument) -> Vec<SealPlace> {
        let Some(label) = Label::new(PicoStr::intern(SEAL_PLACE)) else {
            return Vec::new();
        };
        let marks = document.introspector().query(&Selector::Label(label));
        let place = |mark: &typst::foundations::Content| {
            let Value::Str(role) = &mark.to_packed::<MetadataElem>()?.value else {
                return None;
            };
            let position = document.introspector().position(mark.location()?)?;
            Some(SealPlace {
                role: role.to_string(),
                page: u32::try_from(position.page.get()).ok()?,
                x: micrometres(position.point.x.to_mm()),
                y: micrometres(position.point.y.to_mm()),
            })
        };
        marks.iter().filter_map(place).collect()
    }

    fn micrometres(millimetres: f64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a page is some 300,000 micrometres")]
        let rounded = (millimetres * 1_000.0).round() as i64;
        rounded
    }

    pub fn compile(faces: Arc<Faces>, markup: &str, imprint: &Imprint) -> Result<Set, TypesetError> {
        let id = main_file().ok_or_else(|| TypesetError::Markup("no file id is left".into()))?;
        let source = Source::new(id, markup.to_owned());
        let desk = Desk { faces, source };
        let document = typst::compile::<PagedDocument>(&desk).output;
        let document = document.map_err(|errors| explain(&desk, &errors))?;
        let options = PdfOptions {
            ident: Smart::Custom(imprint.identity.clone()),
            creator: Smart::Custom(Some("Luochui".into())),
            timestamp: timestamp(imprint),
            page_ranges: None,
            standards: PdfStandards::default(),
            // Tags make older readers report a syntax error in each file.
            tagged: false,
            pretty: false,
        };
        let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| explain(&desk, &errors));
        let places = places(&document);
        comemo::evict(KEEP_FOR_DOCUMENTS);
        Ok(Set { pdf: pdf?, places })
    }

    fn timestamp(imprint: &Imprint) -> Option<Timestamp> {
        use chrono::{Datelike, Timelike};
        let local = imprint.at.checked_add(i64::from(imprint.offset_minutes) * 60_000)?;
        let local = chrono::DateTime::from_timestamp_millis(local)?.naive_utc();
        let part = |value: u32| u8::try_from(value).ok();
        let datetime = Datetime::from_ymd_hms(
            local.year(),
            part(local.month())?,
            part(local.day())?,
            part(local.hour())?,
            part(local.minute())?,
            part(local.second())?,
        )?;
        Timestamp::new_local(datetime, imprint.offset_minutes)
    }

    fn explain(desk: &Desk, errors: &[SourceDiagnostic]) -> TypesetError {
        let place = |error: &SourceDiagnostic| {
            let range = desk.range(error.span);
            let line = range.and_then(|range| desk.source.lines().byte_to_line(range.start));
            line.map_or(String::new(), |line| {
                format!(" (line {} of the filled template)", line + 1)
            })
        };
        let text = errors.iter().map(|error| format!("{}{}", error.message, place(error)));
        TypesetError::Markup(text.collect::<Vec<_>>().join("; "))
    }
}
