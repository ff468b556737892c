//! Numbers of objects that two readers could take differently: given twice, freed, beyond the size, or awaited.

use luochui::seal::pdf::{self, Edges};

use super::attacks::{append, assert_first_fails, judge, number_after, rebuilt, resealed, startxref};
use super::world::{self, WORLD};

#[test]
fn a_revision_uses_no_number_that_the_file_knows() {
    // Object 5 is what page 1 says; readers take the highest generation, or none at all, and the page is empty.
    let mask = |tail: &str| number_after(tail, "/SMask ");
    let renumbered = |to: &'static str| {
        move |tail: &str| {
            let from = mask(tail);
            let tail = tail.replace(&format!("\n{from} 0 obj"), &format!("\n{to} obj"));
            tail.replace(&format!("/SMask {from} 0 R"), &format!("/SMask {to} R"))
        }
    };
    for to in ["5 1", "5 0", "0 0", "3 65535", "99 1"] {
        assert_first_fails(&resealed(renumbered(to)), to);
    }
    let size = |to: &'static str| {
        move |tail: &str| {
            let from = number_after(tail, "/Size ");
            tail.replace(&format!("/Size {from}"), &format!("/Size {to}"))
        }
    };
    for to in ["5", "1", "-1", "999", "4294967296", "9 0 R"] {
        assert_first_fails(&resealed(size(to)), to);
    }
    for lines in [
        "5 1\n0000000000 00001 f \n",
        "0 1\n0000000000 65535 f \n",
        "5 1\n0000000017 00000 n \n",
    ] {
        let file = rebuilt(2, Edges::Plain, lines, str::to_owned);
        assert_first_fails(&judge(&file), lines);
    }
    for trailer in ["/XRefStm 17/Root", "/Type/XRef/Root", "/Encrypt 5 0 R/Root"] {
        let file = rebuilt(2, Edges::Plain, "", |tail| tail.replacen("/Root", trailer, 1));
        assert_first_fails(&judge(&file), trailer);
    }
}

#[test]
fn a_page_may_not_wait_for_what_is_still_to_come() {
    // The page draws object 14, which does not exist; it would be whatever the next seal gives this number to.
    let page = "<</Type/Page/Parent 2 0 R/Resources<</XObject<</X 14 0 R>>>>/Contents 5 0 R>>";
    let base = world::pages(1);
    let trailer = format!("<</Size 6/Root 1 0 R/Prev {}>>", startxref(&base));
    let base = append(&base, &[(4, page)], &trailer);
    assert!(matches!(
        pdf::prepare(&world::sealing(&base, &WORLD.first)),
        Err(pdf::PdfError::Unsupported(_))
    ));
}
