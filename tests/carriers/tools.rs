//! Other tools read what we write: `pdfsig` reports the ranges, `pdftoppm` draws the seal where it belongs.

use std::path::Path;
use std::process::Command;

use luochui::seal::pdf::{Edges, Place};

use super::world::{self, PLACE, WORLD};

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let out = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("TZ", "UTC")
        .output();
    let out = out.unwrap_or_else(|error| panic!("{program} of poppler-utils is needed: {error}"));
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

fn ranges(file: &[u8], which: usize) -> [usize; 4] {
    let text = String::from_utf8_lossy(file);
    let found = text.match_indices("/ByteRange [").nth(which).unwrap().0 + 12;
    let numbers = text[found..].split(']').next().unwrap().split_whitespace();
    numbers
        .map(|number| number.parse().unwrap())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

#[test]
fn pdfsig_reports_both_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let once = world::sealed_by(&world::pages(2), &WORLD.first);
    let twice = world::sealed_by(&once, &WORLD.second);
    std::fs::write(folder.path().join("sealed.pdf"), &twice).unwrap();
    let said = run("pdfsig", &["-nocert", "sealed.pdf"], folder.path());
    for which in 0..2 {
        let [start, first, second, length] = ranges(&twice, which);
        let line = format!("Signed Ranges: [{start} - {first}], [{second} - {}]", second + length);
        assert!(said.contains(&line), "{line} in\n{said}");
    }
    assert!(
        said.contains("Signature #2") && !said.contains("Signature #3"),
        "{said}"
    );
    assert_eq!(said.matches("Total document signed").count(), 1, "{said}");
    assert_eq!(said.matches("Not total document signed").count(), 1, "{said}");
    assert!(!said.contains("Syntax"), "{said}");
}

/// A page as rows of red, green, blue.
fn drawn(file: &[u8], page: u32) -> (usize, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pdf"), file).unwrap();
    let page = page.to_string();
    let said = run(
        "pdftoppm",
        &["-r", "72", "-f", &page, "-l", &page, "-singlefile", "a.pdf", "a"],
        folder.path(),
    );
    let picture = std::fs::read(folder.path().join("a.ppm")).unwrap_or_else(|_| panic!("{said}"));
    let mut parts = picture.splitn(4, |byte| *byte == b'\n');
    assert_eq!(parts.next(), Some(b"P6".as_slice()));
    let size = String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
    let width = size.split(' ').next().unwrap().parse().unwrap();
    parts.next();
    (width, parts.next().unwrap().to_vec())
}

fn is_red((width, pixels): &(usize, Vec<u8>), x: f64, y: f64) -> bool {
    let dots = |millimetres: f64| (millimetres / 25.4 * 72.0) as usize;
    let at = (dots(y) * width + dots(x)) * 3;
    matches!(pixels[at..at + 3], [red, green, blue] if red > 180 && green < 150 && blue < 150)
}

#[test]
fn the_seal_is_drawn_where_it_belongs() {
    let base = world::pages(3);
    let mut sealing = world::sealing(&base, &WORLD.first);
    sealing.place = Place { page: 2, ..PLACE };
    sealing.edges = Edges::Sealed;
    let file = world::sealed(&sealing, &WORLD.first);
    let page = drawn(&file, 2);
    let (left, top) = (PLACE.x_mm, PLACE.y_mm);
    for (x, y) in [
        (left + 1.0, top + 1.0),
        (left + 39.0, top + 1.0),
        (left + 1.0, top + 39.0),
        (left + 39.0, top + 39.0),
    ] {
        assert!(is_red(&page, x, y), "{x} {y}");
    }
    for (x, y) in [
        (left - 2.0, top + 5.0),
        (left + 42.0, top + 5.0),
        (left + 5.0, top - 2.0),
        (left + 20.0, top + 20.0),
    ] {
        assert!(!is_red(&page, x, y), "{x} {y}");
    }
    // Over the edge: the first page has the left part of the seal, the last one the right part, the middle one neither side.
    let middle = 297.0 / 2.0;
    let strip = 40.0 / 3.0;
    assert!(is_red(&drawn(&file, 1), 210.0 - strip + 1.0, middle));
    assert!(is_red(&drawn(&file, 3), 209.0, middle));
    assert!(!is_red(&page, 210.0 - strip + 1.0, middle) && !is_red(&page, 209.0, middle));
    assert!(is_red(&page, 209.0, middle - 19.0));
}
