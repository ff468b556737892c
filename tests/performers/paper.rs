//! Typesetting: the same bytes twice, no blanks for what no font shows, no way to a file.

use luochui::performers::typeset::{Imprint, TypesetError};

use super::world::typesetter;

const FONT: &str = "#set text(font: \"Noto Serif CJK SC\")\n";

fn imprint(at: i64) -> Imprint {
    Imprint {
        identity: "case/letter/1".into(),
        at,
        offset_minutes: 480,
    }
}

#[test]
fn the_same_markup_gives_the_same_bytes() {
    let typesetter = typesetter();
    let markup = format!("{FONT}成交确认书 *96,800.00*");
    let first = typesetter.pdf(&markup, &imprint(0)).unwrap();
    assert!(first.starts_with(b"%PDF-"));
    typesetter.pdf(&format!("{FONT}其他"), &imprint(0)).unwrap();
    assert_eq!(typesetter.pdf(&markup, &imprint(0)).unwrap(), first);
    // A typesetter that has loaded its fonts anew, as after a restart.
    assert_eq!(super::world::typesetter().pdf(&markup, &imprint(0)).unwrap(), first);
    assert_ne!(typesetter.pdf(&markup, &imprint(86_400_000)).unwrap(), first);
}

#[test]
fn rare_names_are_shown_and_what_no_font_shows_is_named() {
    let typesetter = typesetter();
    typesetter
        .pdf(&format!("{FONT}㙍龘䶮𠮷彧·阿不都"), &imprint(0))
        .unwrap();
    let fault = typesetter
        .pdf(&format!("{FONT}张\u{1F980}三\u{E000}"), &imprint(0))
        .unwrap_err();
    assert!(matches!(fault, TypesetError::MissingGlyphs(_)), "{fault}");
    let text = fault.to_string();
    assert!(text.contains("U+1F980") && text.contains("U+E000"), "{text}");
    assert!(!text.contains("U+5F20"), "{text}");
}

#[test]
fn markup_reaches_no_file() {
    let typesetter = typesetter();
    for markup in [
        "#read(\"/etc/passwd\")",
        "#read(\"main.typ\")",
        "#image(\"/usr/share/pixmaps/debian-logo.png\")",
        "#import \"other.typ\": x",
        "#import \"@preview/cetz:0.3.0\"",
    ] {
        let fault = typesetter.pdf(markup, &imprint(0)).unwrap_err();
        assert!(matches!(fault, TypesetError::Markup(_)), "{markup}: {fault}");
    }
}

#[test]
fn missing_fonts_are_a_failure_and_not_ready() {
    let empty = tempfile::tempdir().unwrap();
    let typesetter = luochui::performers::typeset::Typesetter::new([empty.path().to_owned()]);
    assert!(matches!(typesetter.ready(), Err(TypesetError::NoFonts(_))));
    assert!(matches!(
        typesetter.pdf("x", &imprint(0)),
        Err(TypesetError::NoFonts(_))
    ));
    super::world::typesetter().ready().unwrap();
}
