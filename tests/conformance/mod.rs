//! The SCXML cases of npm's `@scion-scxml/test-framework`, run through a converter into our language.
//! `LUOCHUI_SCION` names the folder of the installed package; the suite itself is not copied into the tree.

mod cases;
mod convert;
mod scripts;

use std::collections::BTreeMap;

use cases::{Case, Outcome, Reload};

/// Script-free cases the package 2.0.16 holds beside the W3C's own.
const CASES: usize = 118;

/// Cases that cannot pass, and why. A case that passes must not stand here.
const NOT_PASSING: [(&str, &str); 0] = [];

#[test]
fn scion_cases_pass_straight() {
    run(Reload::Never);
}

#[test]
fn scion_cases_pass_when_the_trade_is_stored_and_loaded_between_events() {
    run(Reload::BetweenEvents);
}

fn run(reload: Reload) {
    let Ok(folder) = std::env::var("LUOCHUI_SCION") else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "LUOCHUI_SCION must name the SCION package in CI");
        eprintln!("skipped: LUOCHUI_SCION does not name the SCION test framework");
        return;
    };
    let cases = Case::all(folder.as_ref());
    assert_eq!(cases.len(), CASES, "the package holds another number of script-free cases");
    let known: BTreeMap<&str, &str> = NOT_PASSING.into();
    let mut wrong = Vec::new();
    let mut passed = 0;
    for case in &cases {
        match (case.run(reload), known.get(&*case.name)) {
            (Outcome::Passed, None) => passed += 1,
            (Outcome::Passed, Some(reason)) => wrong.push(format!("{} passes, although: {reason}", case.name)),
            (Outcome::Failed(_), Some(_)) => {}
            (Outcome::Failed(why), None) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    eprintln!("SCION, reload {reload:?}: {passed} of {} cases pass, {} are named with a reason", cases.len(), known.len());
    assert!(wrong.is_empty(), "{} cases are not as expected:\n{}", wrong.len(), wrong.join("\n"));
}
