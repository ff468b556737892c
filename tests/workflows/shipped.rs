//! The shipped bundle compiles without a word, its scenarios hold, and together they take every transition.

use luochui::machine::definition::diagram::{Format, draw};
use luochui::machine::scenario;

use super::{asset_sale, calendars, scenario_files};

#[test]
fn the_bundle_has_no_fault_and_no_warning() {
    let (bundle, diagnostics) = asset_sale();
    let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    assert!(bundle.is_some());
}

#[test]
fn every_scenario_holds_and_together_they_take_every_transition() {
    let bundle = asset_sale().0.unwrap();
    let report = scenario::run(&bundle, &calendars(), &scenario_files(), None).unwrap();
    let faults: Vec<String> = report
        .scenarios
        .iter()
        .filter_map(|outcome| outcome.fault.as_ref())
        .map(ToString::to_string)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let missing = serde_json::to_string_pretty(&report.coverage).unwrap();
    assert!(report.coverage.is_complete(), "not reached by any scenario: {missing}");
}

#[test]
fn staff_claim_from_the_mail_nobody_seals_from_it_and_every_outcome_has_a_chinese_title() {
    let bundle = asset_sale().0.unwrap();
    let states = bundle.machines.values().flat_map(|machine| &machine.states);
    let mut claimed = 0;
    for todo in states.filter_map(|state| state.todo.as_ref()) {
        let party = |role: &luochui::machine::Name| matches!(&**role, "applicant" | "winner");
        let staff = todo.roles.iter().any(|role| !party(role));
        assert_eq!(
            todo.mailable.contains("claim"),
            staff && todo.sign.is_none(),
            "{}",
            todo.title
        );
        claimed += usize::from(todo.mailable.contains("claim"));
        for outcome in &todo.outcomes {
            assert!(!todo.act_title(outcome).is_ascii(), "{}.{outcome}", todo.name);
        }
    }
    assert!(claimed > 15, "{claimed}");
}

#[test]
fn the_demo_scenarios_stand_beside_the_workflow_by_their_names() {
    let bundle = asset_sale().0.unwrap();
    for name in [
        "auction-one",
        "auction-many",
        "bidding-many",
        "bidding-one-negotiated",
        "bidding-late-joiner",
        "nobody",
        "no-bid",
        "review-fails",
        "winner-defaults",
        "suspended",
    ] {
        let report = scenario::run(&bundle, &calendars(), &scenario_files(), Some(name)).unwrap();
        assert!(report.scenarios.iter().any(|outcome| outcome.name == name), "{name}");
    }
}

#[test]
fn the_readme_shows_the_machines_as_they_are() {
    let bundle = asset_sale().0.unwrap();
    let readme = std::fs::read_to_string("workflows/README.md").unwrap();
    for machine in bundle.machines.values() {
        let picture = draw(machine, Format::Mermaid);
        assert!(
            readme.contains(picture.trim_end()),
            "put what `luochui workflow graph workflows/asset-sale --machine {}` says into workflows/README.md",
            machine.name
        );
    }
}

#[test]
fn the_scenario_that_the_readme_shows_holds() {
    let bundle = asset_sale().0.unwrap();
    let readme = std::fs::read_to_string("workflows/README.md").unwrap();
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let mut files = scenario_files();
    files.insert("readme.test.yaml".to_owned(), example.to_owned());
    let report = scenario::run(&bundle, &calendars(), &files, Some("late-deposit")).unwrap();
    assert_eq!(report.scenarios.len(), 1);
    assert!(report.held(), "{:?}", report.scenarios[0].fault);
}
