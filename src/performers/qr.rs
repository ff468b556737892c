//! QR codes as drawings: one path of squares. Must not know what the code says.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Empty modules around the code, as ISO/IEC 18004 asks for.
const QUIET: usize = 4;

/// The code for a text as SVG without double quotes; `None` where it is too long for one.
#[must_use]
pub fn drawing(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let dark = code.to_colors();
    let mut path = String::new();
    for (row, line) in dark.chunks(width).enumerate() {
        for (column, _) in line.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            write!(path, "M{} {}h1v1h-1z", column + QUIET, row + QUIET).ok()?;
        }
    }
    let side = width + 2 * QUIET;
    Some(format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {side} {side}'><path d='{path}'/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_link_becomes_squares_and_what_is_too_long_nothing() {
        let svg = super::drawing("https://example.test/verify/abc?h=0123456789abcdef").unwrap();
        // The finder pattern begins in the upper left corner, after the quiet zone.
        assert!(svg.contains("M4 4h1v1h-1z"), "{svg}");
        assert!(!svg.contains('"'));
        assert!(super::drawing(&"x".repeat(5_000)).is_none());
    }
}
