//! QR codes as drawings: one path of squares. Must not know what the code says.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Empty modules around the code (ISO/IEC 18004, 6.3.8).
const QUIET: usize = 4;

/// The code for a text as SVG to stand in a document, on its ground and without double quotes; `None` where it is too long for one.
#[must_use]
pub fn drawing(text: &str) -> Option<String> {
    let Squares { path, side } = squares(text)?;
    Some(format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {side} {side}'><path d='{path}'/></svg>"
    ))
}

/// The same as a picture to be scanned from a screen, black on white whatever it stands on.
#[must_use]
pub fn picture(text: &str) -> Option<String> {
    let Squares { path, side } = squares(text)?;
    Some(format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {side} {side}' shape-rendering='crispEdges'>\
         <rect width='{side}' height='{side}' fill='#fff'/><path d='{path}' fill='#000'/></svg>"
    ))
}

/// The dark modules as a path, and how wide the code is with the quiet zone, in modules.
struct Squares {
    path: String,
    side: usize,
}

fn squares(text: &str) -> Option<Squares> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (row, line) in code.to_colors().chunks(width).enumerate() {
        for (column, _) in line.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            write!(path, "M{} {}h1v1h-1z", column + QUIET, row + QUIET).ok()?;
        }
    }
    let side = width + 2 * QUIET;
    Some(Squares { path, side })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_link_becomes_squares_and_what_is_too_long_nothing() {
        let link = "https://example.test/verify/abc?h=0123456789abcdef";
        let (svg, picture) = (super::drawing(link).unwrap(), super::picture(link).unwrap());
        // The finder pattern begins in the upper left corner, after the quiet zone.
        assert!(svg.contains("M4 4h1v1h-1z"), "{svg}");
        assert!(!svg.contains('"'));
        let path = |svg: &str| {
            svg.split(" d='")
                .nth(1)
                .and_then(|rest| rest.split('\'').next())
                .map(str::to_owned)
        };
        assert_eq!(path(&svg), path(&picture));
        assert!(super::drawing(&"x".repeat(5_000)).is_none());
    }
}
