//! Codes and numbers against an independent implementation, where the test environment has one.

use std::process::Command;

use luochui::identity::{check_organisation_code, check_person_number};

#[test]
fn two_thousand_random_codes_are_judged_alike() {
    let Ok(python) = std::env::var("LUOCHUI_PYTHON") else {
        println!("skipped: LUOCHUI_PYTHON names no interpreter with python-stdnum");
        return;
    };
    let script = include_str!("stdnum_cases.py");
    let output = Command::new(python).args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut seen = [0u32; 2];
    for line in text.lines() {
        let mut parts = line.split(' ');
        let (kind, code, valid) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap() == "1",
        );
        let ours = match kind {
            "uscc" => check_organisation_code(code).is_ok(),
            _ => check_person_number(code).is_ok(),
        };
        assert_eq!(ours, valid, "{line}");
        seen[usize::from(valid)] += 1;
    }
    assert_eq!(seen[0] + seen[1], 4_000);
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}
